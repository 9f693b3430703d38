"""Speech for a microphone: the server's own French prompts, one after the other, as a WAV."""

import wave
from pathlib import Path

import numpy as np

from sfu.worker import prompt

RATE_HZ = 16_000
ROOM = 60.0
"""Of 32,768: the noise of a room, some -55 dB."""
GAP = np.zeros(RATE_HZ * 2 // 5, np.int16)


def speech(folder: Path, member: int, channels: int = 1, *, loud: bool = True) -> Path:
    """Return a member's microphone file, about half a minute to be looped; made once.

    Who is not loud makes the noise of a room, which a codec codes and nobody takes for speech.
    """
    path = folder / f"voice-{member}-{channels}{'' if loud else '-quiet'}.wav"
    if path.exists():
        return path
    names = sorted(name for name in prompt.names() if name.startswith("fr/"))
    turn = member * 3 % len(names)
    parts = [part for name in names[turn:] + names[:turn] for part in (prompt.samples(name), GAP)]
    said = np.concatenate(parts * 2)
    if not loud:
        said = np.random.default_rng(member).normal(0, ROOM, len(said)).astype(np.int16)
    half = path.with_suffix(".half")
    with wave.open(str(half), "wb") as stream:
        stream.setnchannels(channels)
        stream.setsampwidth(2)
        stream.setframerate(RATE_HZ)
        stream.writeframes(np.repeat(said, channels).astype("<i2").tobytes())
    half.rename(path)
    return path
