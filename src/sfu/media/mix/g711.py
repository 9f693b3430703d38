"""G.711 by table: 256 values one way, 65,536 the other; no state, so no codec is needed.

Encoding picks the nearest value of the law, which is what the ITU's text does by segments.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from sfu.media.mix import Samples


def _decode_alaw() -> Samples:
    code = np.arange(256, dtype=np.int32) ^ 0x55
    exponent = (code >> 4) & 7
    mantissa = ((code & 15) << 4) + 8
    value = np.where(exponent == 0, mantissa, (mantissa + 0x100) << np.maximum(exponent - 1, 0))
    return np.where(code & 0x80, value, -value).astype(np.int16)


def _decode_mulaw() -> Samples:
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    value = ((((code & 15) << 3) + 0x84) << ((code >> 4) & 7)) - 0x84
    return np.where(code & 0x80, -value, value).astype(np.int16)


def _encoding(decoded: Samples) -> npt.NDArray[np.uint8]:
    """Return the code for every 16-bit sample, indexed by its bits as unsigned."""
    order = np.argsort(decoded, kind="stable")
    values = decoded[order].astype(np.int32)
    samples = np.arange(-32768, 32768, dtype=np.int32)
    above = np.clip(np.searchsorted(values, samples), 1, 255)
    nearer = samples - values[above - 1] > values[above] - samples
    codes = order[np.where(nearer, above, above - 1)].astype(np.uint8)
    return np.concatenate([codes[32768:], codes[:32768]])


ALAW_DECODE: Final = _decode_alaw()
MULAW_DECODE: Final = _decode_mulaw()
ALAW_ENCODE: Final = _encoding(ALAW_DECODE)
MULAW_ENCODE: Final = _encoding(MULAW_DECODE)


def decode(table: Samples, payload: bytes) -> Samples:
    """Return the 8 kHz samples of a payload."""
    return table[np.frombuffer(payload, dtype=np.uint8)]


def encode(table: npt.NDArray[np.uint8], samples: Samples) -> bytes:
    """Return the payload of 8 kHz samples."""
    return table[samples.view(np.uint16)].tobytes()
