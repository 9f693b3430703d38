"""A picture that says who sent it, and the reading of one.

::

    +----------------------------+   top eighth     nothing but the sender's colour: judged
    |                            |
    |   L A J O U X              |   its name
    |          ####              |   a block that goes round
    | 0 1 1 0 0 1 0 1 ...        |   bottom eighth   frame number, 16 bits, black and white
    +----------------------------+

Pictures are drawn in the encoder's own form, I420: colour costs two constant planes.
"""

import unicodedata
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]
"""Red, green, blue, 0 to 255."""

BITS: Final = 16
_WHITE, _BLACK = 235, 16

_FONT: Final[dict[str, tuple[int, ...]]] = {
    letter: tuple(bytes.fromhex(columns))
    for letter, columns in {
        "A": "7e1111117e", "B": "7f49494936", "C": "3e41414122", "D": "7f4141221c",
        "E": "7f49494941", "F": "7f09090901", "G": "3e4149497a", "H": "7f0808087f",
        "I": "00417f4100", "J": "2040413f01", "K": "7f08142241", "L": "7f40404040",
        "M": "7f020c027f", "N": "7f0408107f", "O": "3e4141413e", "P": "7f09090906",
        "Q": "3e4151215e", "R": "7f09192946", "S": "4649494931", "T": "01017f0101",
        "U": "3f4040403f", "V": "1f2040201f", "W": "3f4038403f", "X": "6314081463",
        "Y": "0708700807", "Z": "6151494543", "0": "3e5149453e", "1": "00427f4000",
        "2": "4261514946", "3": "2141454b31", "4": "1814127f10", "5": "2745454539",
        "6": "3c4a494930", "7": "0171090503", "8": "3649494936", "9": "064949291e",
        "-": "0808080808", "'": "0000070000", " ": "0000000000",
    }.items()
}  # fmt: skip
"""Letters as five columns of seven dots, the lowest bit on top."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a picture says."""

    colour: Colour
    number: int
    """The sender's frame number modulo 65,536; worthless if the picture is broken."""
    width: int
    height: int


class Painter:
    """Draws one sender's pictures."""

    def __init__(self, name: str, colour: Colour, width: int, height: int) -> None:
        """Prepare what does not move; width is a multiple of 16, height of 8."""
        self._width, self._height = width, height
        y, u, v = _yuv(colour)
        self._y: Plane = np.full((height, width), y, dtype=np.uint8)
        self._colour = np.concatenate(
            [np.full(width * height // 4, plane, dtype=np.uint8) for plane in (u, v)]
        )
        text = _text(name)
        scale = max(1, min(width * 7 // (8 * text.shape[1]), height // 40))
        dots = np.kron(text, np.ones((scale, scale), dtype=bool))[:, : width * 7 // 8]
        top, left = height // 4, width // 16
        place = self._y[top : top + dots.shape[0], left : left + dots.shape[1]]
        place[dots] = _WHITE if y < 160 else _BLACK

    def paint(self, number: int) -> Plane:
        """Return frame `number` as I420: (height * 3 / 2, width)."""
        luma = self._y.copy()
        width, height, block = self._width, self._height, self._height // 8
        left = number * 4 % (width - block)
        luma[height * 5 // 8 : height * 5 // 8 + block, left : left + block] = _WHITE
        bits = [_WHITE if number >> bit & 1 else _BLACK for bit in range(BITS)]
        luma[height * 7 // 8 :] = np.repeat(np.array(bits, dtype=np.uint8), width // BITS)
        return np.concatenate([luma.ravel(), self._colour]).reshape(height * 3 // 2, width)


def read(picture: Plane) -> Seen:
    """Judge an I420 picture of any size."""
    rows, width = picture.shape
    height = rows * 2 // 3
    flat = picture.ravel()
    y = picture[: max(1, height // 8)].mean()
    size = (width // 2) * (height // 2)
    part = max(1, size // 8)
    start = width * height
    u, v = flat[start : start + part].mean(), flat[start + size : start + size + part].mean()
    row = picture[height * 15 // 16].astype(np.int16)
    middles = (np.arange(BITS) * 2 + 1) * width // (2 * BITS)
    number = sum(1 << bit for bit, at in enumerate(middles) if row[at] > 128)
    return Seen(_rgb(float(y), float(u), float(v)), number, width, height)


def alike(one: Colour, other: Colour) -> bool:
    """Tell whether two colours are one, a codec having been between."""
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) < 40


def _text(name: str) -> npt.NDArray[np.bool_]:
    plain = unicodedata.normalize("NFKD", name).upper()
    columns = [column for char in plain if char in _FONT for column in (*_FONT[char], 0)] or [0]
    return np.array([[column >> row & 1 for column in columns] for row in range(7)], dtype=bool)


def _yuv(colour: Colour) -> tuple[int, int, int]:
    """Return BT.601 in studio range, what decoders of WebRTC expect."""
    r, g, b = colour
    y = 16 + (65.738 * r + 129.057 * g + 25.064 * b) / 256
    u = 128 + (-37.945 * r - 74.494 * g + 112.439 * b) / 256
    v = 128 + (112.439 * r - 94.154 * g - 18.285 * b) / 256
    return round(y), round(u), round(v)


def _rgb(y: float, u: float, v: float) -> Colour:
    grey, u, v = 1.164 * (y - 16), u - 128, v - 128
    red, green, blue = grey + 1.596 * v, grey - 0.392 * u - 0.813 * v, grey + 2.017 * u
    return _byte(red), _byte(green), _byte(blue)


def _byte(value: float) -> int:
    return round(min(255.0, max(0.0, value)))
