"""Camera and microphone of a simulated member, as aiortc wants them: paced by the clock."""

import asyncio
import time
from fractions import Fraction
from typing import Final

import av
from aiortc import MediaStreamTrack

from sfu.probe.picture import Painter
from sfu.probe.sound import FRAME, RATE_HZ, Voice

_CLOCK_HZ: Final = 90_000


class _Pace:
    """When the n-th frame is due: start + n * step, whatever the frames before took."""

    def __init__(self, step_s: float) -> None:
        self._step_s = step_s
        self._start: float | None = None
        self.count = -1

    async def next(self) -> int:
        """Wait for the next frame's time; return its number, leaving out what is long gone."""
        now = time.monotonic()
        if self._start is None:
            self._start = now
        self.count += 1
        wait_s = self._start + self.count * self._step_s - now
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        elif wait_s < -1.0:
            self.count += int(-wait_s / self._step_s)
        return self.count


class Camera(MediaStreamTrack):
    """Sends a painter's pictures."""

    kind = "video"

    def __init__(self, painter: Painter, fps: int) -> None:
        """Start with picture 0."""
        super().__init__()
        self._painter, self._fps, self._pace = painter, fps, _Pace(1 / fps)

    async def recv(self) -> av.VideoFrame:
        """Return the next picture in its time."""
        number = await self._pace.next()
        frame = av.VideoFrame.from_ndarray(self._painter.paint(number), format="yuv420p")
        frame.pts, frame.time_base = number * _CLOCK_HZ // self._fps, Fraction(1, _CLOCK_HZ)
        return frame


class Microphone(MediaStreamTrack):
    """Sends a voice."""

    kind = "audio"

    def __init__(self, voice: Voice) -> None:
        """Start at the voice's beginning."""
        super().__init__()
        self._voice, self._pace = voice, _Pace(FRAME / RATE_HZ)

    async def recv(self) -> av.AudioFrame:
        """Return the next 20 ms in their time."""
        number = await self._pace.next()
        samples = self._voice.next().reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate = RATE_HZ
        frame.pts, frame.time_base = number * FRAME, Fraction(1, RATE_HZ)
        return frame
