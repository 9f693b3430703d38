"""A card with a room's name on it, drawn and encoded by a process that lives for one card.

::

    python -m sfu.worker.title CARD     name, UTF-8, on its input --> H.264 on its output

The name stands in the card's upper third, in letters of `letters.png` (made by scripts/cards: cells
of 64 x 64, 20 a row), as large as the width takes.  What comes out is as the card is: constrained
baseline, NAL units of at most 1100 bytes, a key frame each two seconds, no SEI.
"""

import sys
import unicodedata
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]

LETTERS: Final = Path(__file__).with_name("letters.png")
POINTS: Final = (*range(0x21, 0x7F), *range(0xA1, 0x180), 0x2013, 0x2019, 0x2026)
CELL, ROW = 64, 20
GAP, BLANK = 4, 15
"""Pixels between two letters, and of a space."""
MOST_LETTERS = 60
"""Longer names are cut: no room has one, and each letter costs width."""
WIDE, HIGH, MIDDLE = 0.86, 0.14, 0.3
"""Of the card: the widest a name may be, the highest its letters, where their middle stands."""
WHITE, NO_COLOUR = 235, 128
FRAMES_A_S, FRAMES, KEY_EVERY = 5, 20, 10
LEVELS: Final = {1280: "3.1", 352: "1.1"}
SEI: Final = 6
START: Final = b"\0\0\0\1"


def draw(name: str, width: int, height: int) -> Pixels:
    """Return how white each pixel of a card's plane is, (height, width) from 0 to 255."""
    line = written(name)
    scale = min(WIDE * width / line.shape[1], HIGH * height / line.shape[0])
    wide, high = (max(2, int(length * scale) & ~1) for length in (line.shape[1], line.shape[0]))
    scaled = av.VideoFrame.from_ndarray(line, format="gray").reformat(
        wide, high, interpolation="AREA"
    )
    plane = np.zeros((height, width), np.uint8)
    top, left = int(MIDDLE * height - high / 2), (width - wide) // 2
    plane[top : top + high, left : left + wide] = scaled.to_ndarray()
    return plane


def written(name: str) -> Pixels:
    """Return a name as one line of letters, 64 pixels high, of an even width."""
    text = " ".join(unicodedata.normalize("NFC", name).split())[:MOST_LETTERS] or "?"
    parts = [np.zeros((CELL, BLANK), np.uint8) if one == " " else _letter(one) for one in text]
    gap = np.zeros((CELL, GAP), np.uint8)
    line = np.concatenate([piece for part in parts for piece in (part, gap)], axis=1)
    return np.ascontiguousarray(line[:, : line.shape[1] & ~1])


@cache
def _letter(one: str) -> Pixels:
    """Return the ink of a letter; a question mark for what is not drawn here."""
    at = POINTS.index(ord(one)) if ord(one) in POINTS else POINTS.index(ord("?"))
    row, column = divmod(at, ROW)
    cell = _atlas()[row * CELL : (row + 1) * CELL, column * CELL : (column + 1) * CELL]
    inked = np.flatnonzero(cell.max(axis=0))
    return cell[:, inked[0] : inked[-1] + 1]


@cache
def _atlas() -> Pixels:
    with av.open(str(LETTERS)) as file:
        return np.asarray(next(file.decode(video=0)).to_ndarray(format="gray"), np.uint8)


def titled(card: bytes, name: str) -> bytes:
    """Return a card's film with a name on it."""
    frame = _first(card)
    ink = draw(name, frame.width, frame.height).astype(np.uint16)
    planes: Pixels = frame.to_ndarray(format="yuv420p")
    luma = planes[: frame.height]
    luma[:] = (luma * (255 - ink) + WHITE * ink) // 255
    thin = ink[::2, ::2]
    for chroma in np.split(planes[frame.height :].reshape(2, -1), 2):
        flat = chroma.reshape(thin.shape)
        flat[:] = (flat * (255 - thin) + NO_COLOUR * thin) // 255
    return _encoded(planes)


def _first(card: bytes) -> Any:
    decoder = av.CodecContext.create("h264", "r")
    packets = [*decoder.parse(card), *decoder.parse()]
    return next(frame for packet in (*packets, None) for frame in decoder.decode(packet))


def _encoded(planes: Pixels) -> bytes:
    height, width = planes.shape[0] * 2 // 3, planes.shape[1]
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.framerate, encoder.time_base = Fraction(FRAMES_A_S), Fraction(1, FRAMES_A_S)
    encoder.options = {
        "profile": "baseline", "preset": "medium",
        "x264-params": f"keyint={KEY_EVERY}:min-keyint={KEY_EVERY}:scenecut=0:slice-max-size=1100"
        f":ref=1:level={LEVELS[width]}:crf=21:threads=1",
    }  # fmt: skip
    found = bytearray()
    for at in (*range(FRAMES), None):
        frame = None
        if at is not None:
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            frame.pts = at
        for packet in encoder.encode(frame):
            found += bytes(packet)
    return _without_sei(bytes(found))


def _without_sei(stream: bytes) -> bytes:
    units = [unit.rstrip(b"\0") for unit in stream.split(START[1:])[1:]]
    return b"".join(START + unit for unit in units if unit[0] & 31 != SEI)


def main() -> None:
    """Draw one card."""
    name = sys.stdin.buffer.read().decode(errors="replace")
    sys.stdout.buffer.write(titled(Path(sys.argv[1]).read_bytes(), name))


if __name__ == "__main__":
    main()
