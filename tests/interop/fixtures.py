"""Pictures and sounds that tell who sent them: a colour and a frequency for each participant.

Made by ffmpeg at test time; the folder INTEROP_FIXTURES names keeps them for the next run.  The
picture is one flat colour with a white square wandering over it and a little noise, so that frames
differ, weigh something and a frozen picture shows; the sound is a sine, half a second on and a
quarter off, so that it is taken for speech rather than for hum.
"""

import functools
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

SECONDS = 600


@dataclass(frozen=True)
class Identity:
    """Who is seen and heard: RGB of the picture, Hz of the sound."""

    name: str
    rgb: tuple[int, int, int]
    hz: int

    @property
    def colour(self) -> str:
        return "0x{:02x}{:02x}{:02x}".format(*self.rgb)


LAJOUX = Identity("Lajoux", (200, 30, 30), 440)
MOREZ = Identity("Morez", (30, 170, 40), 620)
ANNE = Identity("Anne", (40, 60, 210), 850)
BRUNO = Identity("Bruno", (210, 190, 30), 1130)
CLAIRE = Identity("Claire", (170, 40, 180), 1490)
EVERYBODY = (LAJOUX, MOREZ, ANNE, BRUNO, CLAIRE)


@functools.cache
def folder() -> Path:
    """One folder for all fixtures of a run; they are made once and shared."""
    kept = os.environ.get("INTEROP_FIXTURES")
    if not kept:
        return Path(tempfile.mkdtemp(prefix="sfu-fixtures-"))
    Path(kept).mkdir(parents=True, exist_ok=True)
    return Path(kept)


def _ffmpeg(*words: str) -> None:
    """Make the file the last word names, unless it is there; a half-made one never is."""
    path = Path(words[-1])
    if path.exists():
        return
    half = path.with_name("half-" + path.name)
    subprocess.run(["ffmpeg", "-v", "error", "-y", *words[:-1], str(half)], check=True, timeout=120)
    half.rename(path)


@functools.cache
def picture_mp4(who: Identity, seconds: int = SECONDS) -> Path:
    """An H.264 file of 640x360 at 25 frames per second, for baresip's `avformat` source."""
    short, path = folder() / f"{who.name}-20s.mp4", folder() / f"{who.name}.mp4"
    _ffmpeg(
        "-f", "lavfi", "-i", f"color=c={who.colour}:s=640x360:r=25:d=20",
        "-f", "lavfi", "-i", "color=c=white:s=60x60:r=25:d=20",
        "-filter_complex",
        "[0][1]overlay=x='mod(t*90,560)':y='40+mod(t*53,240)',noise=alls=14:allf=t",
        "-c:v", "libx264", "-profile:v", "baseline", "-pix_fmt", "yuv420p",
        "-g", "50", "-b:v", "400k",
        str(short),
    )  # fmt: skip
    _ffmpeg("-stream_loop", "-1", "-i", str(short), "-c", "copy", "-t", str(seconds), str(path))
    return path


@functools.cache
def picture_mjpeg(who: Identity) -> Path:
    """A motion JPEG for Chromium's fake camera; it plays it in a loop."""
    path = folder() / f"{who.name}.mjpeg"
    _ffmpeg("-i", str(picture_mp4(who, 20)), "-t", "10", "-c:v", "mjpeg", "-q:v", "4", str(path))
    return path


@functools.cache
def tone_wav(who: Identity, rate: int, channels: int = 1, seconds: int = SECONDS) -> Path:
    """This participant's sound."""
    path = folder() / f"{who.name}-{rate}-{channels}.wav"
    wave = f"0.35*sin(2*PI*{who.hz}*t)*lt(mod(t,0.75),0.5)"
    _ffmpeg(
        "-f", "lavfi", "-i", f"aevalsrc='{wave}':s={rate}:d=15",
        "-ac", str(channels), str(path.with_suffix(".short.wav")),
    )  # fmt: skip
    _ffmpeg(
        "-stream_loop", "-1", "-i", str(path.with_suffix(".short.wav")),
        "-c", "copy", "-t", str(seconds), str(path),
    )  # fmt: skip
    return path


@functools.cache
def silence_wav(rate: int, channels: int = 1, seconds: int = SECONDS) -> Path:
    """Nothing to hear."""
    path = folder() / f"silence-{rate}-{channels}.wav"
    _ffmpeg(
        "-f", "lavfi", "-i", f"anullsrc=r={rate}:cl={'mono' if channels == 1 else 'stereo'}",
        "-t", str(seconds), str(path),
    )  # fmt: skip
    return path
