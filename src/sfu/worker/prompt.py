"""The spoken prompts, decoded once each: `voices/LANGUAGE/NAME.g722`, made by scripts/voices.

Raw G.722, 64 kbit/s, 16 kHz; a prompt's name is its path without the suffix, "fr/welcome".
espeak-ng spoke them; what a program of the GPL says is not under its licence.
"""

from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

from sfu.media.mix import Samples
from sfu.model import Codec
from sfu.worker.codec import decoder

VOICES: Final = Path(__file__).parent / "voices"
PAUSE: Final[Samples] = np.zeros(4_800, dtype=np.int16)
"""0.3 s between two sentences."""
_PACKET: Final = 160


def names() -> frozenset[str]:
    """Return the prompts there are."""
    return frozenset(
        f"{path.parent.name}/{path.stem}" for path in VOICES.glob("*/*.g722") if path.is_file()
    )


@cache
def samples(name: str) -> Samples:
    """Return a prompt; the array is shared and cannot be written.  KeyError for an unknown one."""
    if name not in names():
        raise KeyError(name)
    data = (VOICES / f"{name}.g722").read_bytes()
    g722 = decoder(Codec.G722)
    parts = [g722.decode(data[at : at + _PACKET]) for at in range(0, len(data), _PACKET)]
    wave = np.concatenate(parts)
    wave.flags.writeable = False
    return wave


def speech(wanted: tuple[str, ...]) -> Samples:
    """Return prompts one after the other; what is unknown is left out."""
    known = names()
    parts = [part for name in wanted if name in known for part in (samples(name), PAUSE)]
    return np.concatenate(parts) if parts else PAUSE[:0]
