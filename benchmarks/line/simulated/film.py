"""What a simulated browser sends, coded once: VP8 of three sizes, Opus at a constant rate."""

import subprocess
import wave
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from benchmarks.line import camera, voice

LAYERS = {"l": 4, "m": 2, "h": 1}
"""By how much each is smaller than the camera."""
KBPS = {"l": 60, "m": 150, "h": 330}
"""The least a layer is ever asked for, or so: what is more is filled up."""
OPUS_KBPS = 32
VP8 = [
    *("-c:v", "libvpx", "-deadline", "good", "-cpu-used", "4"),
    *("-auto-alt-ref", "0", "-lag-in-frames", "0", "-g", "9999"),
]
FRAME_HZ = 50
QUIET_DB = -40
SILENCE = 127


@dataclass(frozen=True)
class Speech:
    """Opus packets of 20 ms, each with its loudness (RFC 6464)."""

    packets: list[bytes]
    levels: list[int]


def pictures(folder: Path, member: int) -> dict[str, list[bytes]]:
    """Return each layer's frames, the first of them a key frame; a loop."""
    return {rid: _packets(_layer(folder, member, rid)) for rid in LAYERS}


def _layer(folder: Path, member: int, rid: str) -> Path:
    path = folder / f"head-{camera.VERSION}-{member}-{rid}.ivf"
    if not path.exists():
        width, height = (size // LAYERS[rid] for size in camera.LARGE)
        half = path.with_suffix(".half.ivf")
        _ffmpeg(
            "-i", camera.film(folder, member, camera.LARGE), "-vf", f"scale={width}:{height}",
            *VP8, "-b:v", f"{KBPS[rid]}k", half,
        )  # fmt: skip
        half.rename(path)
    return path


def speech(folder: Path, member: int, *, loud: bool) -> Speech:
    """Return a member's voice; who is not loud is in the room and does not speak."""
    path = folder / f"voice-{member}-{'loud' if loud else 'quiet'}.ogg"
    sound = voice.speech(folder, member)
    if not path.exists():
        half = path.with_suffix(".half.ogg")
        _ffmpeg(
            "-i", sound, "-ar", 48_000, "-ac", 1, "-af", f"volume={0 if loud else QUIET_DB}dB",
            *["-c:a", "libopus", "-vbr", "off", "-application", "voip", "-frame_duration", "20"],
            "-b:a", f"{OPUS_KBPS}k", half,
        )  # fmt: skip
        half.rename(path)
    packets = _packets(path)
    return Speech(packets, _levels(sound, len(packets)) if loud else [SILENCE] * len(packets))


def _levels(path: Path, count: int) -> list[int]:
    with wave.open(str(path)) as stream:
        samples = np.frombuffer(stream.readframes(stream.getnframes()), "<i2").astype(np.float64)
        step = stream.getframerate() // FRAME_HZ
    levels = []
    for number in range(count):
        part = samples[number * step : (number + 1) * step]
        power = float(np.mean(part**2)) if len(part) else 0.0
        loudness = -10 * np.log10(power / 32768**2) if power else SILENCE
        levels.append(int(min(max(loudness, 0), SILENCE)))
    return levels


def _packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(one) for one in container.demux() if one.size]


def _ffmpeg(*words: object) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, words)], check=True, timeout=180)
