"""Whose sound is in a recording, whose colour is in a picture."""

import struct
from collections.abc import Iterable
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from tests.interop.fixtures import EVERYBODY

HEARD_DB = 20.0
"""A tone counts as heard when it stands this far above the median of its spectrum."""


def heard(samples: NDArray[np.float64], rate: int) -> set[str]:
    """Return the names whose tone sounds in these samples."""
    if samples.size < rate // 4 or float(np.abs(samples).max()) < 1e-3:
        return set()
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.size))) + 1e-9
    hz = np.fft.rfftfreq(samples.size, 1 / rate)
    floor = float(np.median(spectrum))
    loudest = float(spectrum.max())
    names = set()
    for who in EVERYBODY:
        peak = float(spectrum[np.abs(hz - who.hz) < 12].max(initial=0.0))
        if 20 * np.log10(peak / floor) > HEARD_DB and peak > loudest / 30:
            names.add(who.name)
    return names


def read_wav(path: Path) -> tuple[NDArray[np.float64], int]:
    """Read a 16-bit recording as floats of one channel, its header written or not."""
    raw = path.read_bytes()
    channels, rate = 1, 16_000
    if raw[8:16] == b"WAVEfmt ":
        channels, rate = struct.unpack_from("<HI", raw, 22)
    data = np.frombuffer(raw[44 : len(raw) - len(raw) % 2], dtype="<i2")
    data = data[: data.size - data.size % channels].reshape(-1, channels)[:, 0]
    return data.astype(np.float64) / 32768, rate


def heard_at_the_end(path: Path, seconds: float = 2.0) -> set[str]:
    """Return who is heard in the last seconds of a recording."""
    samples, rate = read_wav(path)
    return heard(samples[-int(seconds * rate) :], rate)


def nearest(rgb: Iterable[float]) -> str:
    """Return whose colour is closest, "" where none is near."""
    mean = np.array(list(rgb), dtype=float)
    distances = {who.name: float(np.linalg.norm(mean - who.rgb)) for who in EVERYBODY}
    name = min(distances, key=lambda key: distances[key])
    return name if distances[name] < 60 else ""


def seen(path: Path) -> str:
    """Return whose colour fills a PNG."""
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        pixels = frame.to_ndarray(format="rgb24")
    return nearest(np.median(pixels.reshape(-1, 3), axis=0))
