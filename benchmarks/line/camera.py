r"""A talking head as a camera file: 640x360, 25 pictures a second, a loop of ten seconds.

::

    +-----+--------------------------+
    | who |    shelves, a lamp       |   who: a patch of the member's colour, judged
    +-----+       ( head )           |   the head sways, blinks and speaks; the shoulders
    |            / body \     (hand) |   follow; a hand gestures now and then; the sensor
    +--------------------------------+   is noisy, so that an encoder uses what it is given
"""

import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

WIDTH, HEIGHT, FPS, SECONDS = 640, 360, 25, 10
USUAL, LARGE = (640, 360), (1280, 720)
PATCH = (slice(8, 72), slice(8, 104))
"""Rows and columns of the patch."""
COLOURS = (
    (200, 30, 30),
    (30, 170, 40),
    (40, 60, 210),
    (210, 190, 30),
    (170, 40, 180),
    (30, 190, 200),
)
"""Red, green, blue of the members' patches."""
NOISE = 1.6
"""Standard deviation of the sensor's noise, in steps of 8 bits."""
VERSION = 2

Array = np.ndarray[Any, np.dtype[np.float32]]


def folder() -> Path:
    """Return where camera and microphone files are kept between runs."""
    path = Path(tempfile.gettempdir()) / "sfu-line-media"
    path.mkdir(exist_ok=True)
    return path


def film(folder: Path, member: int, size: tuple[int, int] = USUAL) -> Path:
    """Return the camera file of a member (1, 2, ...); made once."""
    path = folder / f"head-{VERSION}-{member}.y4m"
    if size != USUAL:
        return _enlarged(film(folder, member), size)
    if path.exists():
        return path
    dice = np.random.default_rng(member)
    head = Head(member, dice)
    half = path.with_suffix(".half")
    with open(half, "wb") as stream:
        stream.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{FPS}:1 Ip A1:1 C420jpeg\n".encode())
        for number in range(FPS * SECONDS):
            stream.write(b"FRAME\n" + i420(head.paint(number / FPS), dice))
    half.rename(path)
    return path


def _enlarged(path: Path, size: tuple[int, int]) -> Path:
    """Return the film in another size, with a sensor's noise of that size."""
    width, height = size
    large = path.with_stem(f"{path.stem}-{height}p")
    if not large.exists():
        half = large.with_suffix(".half.y4m")
        shape = f"scale={width}:{height},noise=alls=3:allf=t"
        words = ["-v", "error", "-y", "-i", str(path), "-vf", shape, str(half)]
        subprocess.run(["ffmpeg", *words], check=True, timeout=180)
        half.rename(large)
    return large


class Head:
    """Paints one member; all that moves comes round in SECONDS."""

    def __init__(self, member: int, dice: np.random.Generator) -> None:
        self._y, self._x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
        self._turn = member * 1.7
        self._patch = COLOURS[(member - 1) % len(COLOURS)]
        self._room = self._shelves(dice)
        self._cloth = (dice.uniform(40, 150, 3), dice.uniform(90, 200, 3))
        self._skin = np.array([224, 178, 150]) - 22 * (member % 3)
        self._hair = np.array([60, 42, 30]) + 30 * (member % 2)

    def _shelves(self, dice: np.random.Generator) -> Array:
        room = np.empty((HEIGHT, WIDTH, 3), np.float32)
        room[:] = np.array([168, 160, 146]) - (self._y / HEIGHT * 50)[..., None]
        for shelf in range(4):
            left, top = 0, 14 + 88 * shelf
            while left < WIDTH:
                wide, high = int(dice.integers(7, 19)), int(dice.integers(48, 76))
                book = room[top + 78 - high : top + 78, left : left + wide]
                book[:] = dice.uniform(50, 190, 3)
                left += wide + 2
            room[top + 78 : top + 84] = (96, 70, 48)
        return room

    def paint(self, t: float) -> Array:
        """Return the picture at a time as (HEIGHT, WIDTH, 3), 0 to 255."""
        picture = self._room.copy()
        x = 330 + self._wave(t, 1, 22) + self._wave(t, 3, 7)
        y = 150 + self._wave(t, 2, 9) + self._wave(t, 5, 2.5)
        self._body(picture, x, y)
        self._ellipse(picture, x, y - 20, 66, 80, self._hair)
        self._ellipse(picture, x, y + 8, 56, 74, self._skin)
        self._face(picture, x + self._wave(t, 1, 6), y, t)
        if t % SECONDS > 6.2:
            lift = np.sin((t % SECONDS - 6.2) / 3.8 * np.pi)
            hand_x = x + 120 + 26 * np.sin(2 * np.pi * t)
            self._ellipse(picture, hand_x, 380 - 150 * lift, 24, 30, self._skin)
        picture[PATCH] = self._patch
        return picture

    def _body(self, picture: Array, x: float, y: float) -> None:
        dark, light = self._cloth
        inside = ((self._x - x * 0.9 - 33) / 180) ** 2 + ((self._y - y - 250) / 165) ** 2 < 1
        stripes = np.sin((self._x - x * 0.9) / 6 + np.sin(self._y / 23) * 1.5) > 0
        picture[inside & stripes], picture[inside & ~stripes] = dark, light

    def _face(self, picture: Array, x: float, y: float, t: float) -> None:
        blinks = (t + self._turn) % (SECONDS / 4) < 0.13
        for side in (-22, 22):
            self._ellipse(picture, x + side, y - 8, 11, 1.5 if blinks else 6, (250, 248, 244))
            if not blinks:
                self._ellipse(picture, x + side + self._wave(t, 4, 3), y - 8, 4, 5, (40, 50, 60))
            self._ellipse(picture, x + side, y - 24, 14, 3, self._hair)
        self._ellipse(picture, x + 2, y + 16, 6, 13, self._skin - 24)
        speaks = 0.5 + 0.5 * np.sin(2 * np.pi * 0.2 * t + self._turn)  # in sentences
        opened = 2 + 14 * speaks * abs(np.sin(2 * np.pi * 2.2 * t)) ** 0.7
        self._ellipse(picture, x, y + 46, 22, opened, (120, 40, 44))

    def _ellipse(self, picture: Array, x: Any, y: Any, wide: Any, high: Any, colour: Any) -> None:
        top, bottom = max(0, int(y - high)), min(HEIGHT, int(y + high) + 2)
        left, right = max(0, int(x - wide)), min(WIDTH, int(x + wide) + 2)
        part = (slice(top, bottom), slice(left, right))
        away = ((self._x[part] - x) / wide) ** 2 + ((self._y[part] - y) / high) ** 2
        shade = np.clip(1.06 - 0.25 * away, 0, 1)[..., None]
        inside = (away < 1)[..., None]
        picture[part] = np.where(inside, shade * np.asarray(colour, np.float32), picture[part])

    def _wave(self, t: float, turns: int, size: float) -> float:
        return size * float(np.sin(2 * np.pi * turns * t / SECONDS + self._turn * turns))


def i420(picture: Array, dice: np.random.Generator) -> bytes:
    """Return a picture as the camera gives it: BT.601, full range, with noise."""
    r, g, b = picture[..., 0], picture[..., 1], picture[..., 2]
    luma = 0.299 * r + 0.587 * g + 0.114 * b
    noisy = luma + dice.standard_normal(luma.shape, np.float32) * NOISE
    planes = [noisy]
    for plane in (128 + (b - luma) * 0.564, 128 + (r - luma) * 0.713):
        planes.append(plane.reshape(HEIGHT // 2, 2, WIDTH // 2, 2).mean(axis=(1, 3)))
    return b"".join(np.clip(plane, 0, 255).astype(np.uint8).tobytes() for plane in planes)


def whose(rgb: tuple[float, ...]) -> int:
    """Return whose patch this is (1, 2, ...), 0 for nobody's."""
    away = [max(abs(a - b) for a, b in zip(rgb, one, strict=True)) for one in COLOURS]
    nearest = min(range(len(away)), key=away.__getitem__)
    return nearest + 1 if away[nearest] < 60 else 0
