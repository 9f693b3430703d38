"""The mix worker as the server sees it: started, told, listened to, started again when it dies.

What shall be (inputs, legs) is remembered here and said again to each new process, so a death
costs the room a second of sound and nobody has to know.  The engine gets a new media descriptor
with each start: a dead worker is a silent transport.
"""

import asyncio
import contextlib
import importlib.util
import socket
import sys
from collections.abc import Callable

import structlog

from sfu.errors import PeerError, SfuError
from sfu.model import Codec, Ssrc
from sfu.shell.child import Child
from sfu.shell.tasks import spawn
from sfu.worker.protocol import (
    CloseInput,
    CloseLeg,
    Lines,
    Message,
    Order,
    PlayTone,
    Report,
    SetInput,
    SetLeg,
    Speak,
    encode,
)

FIRST_WAIT_S = 0.2
LONGEST_WAIT_S = 5.0
"""Pause before a new start, doubling while workers die young."""
YOUNG_S = 10.0
END_S = 2.0
"""A worker that has not ended this long after its control closed is killed."""
_BUFFER = 1 << 20

log = structlog.get_logger()


class MixUnavailable(SfuError):
    """There is nothing to decode with: PyAV, the extra `media`, is not installed."""


class MixWorker:
    """One mix process; every method but `start` and `close` returns at once."""

    def __init__(
        self, on_media: Callable[[int], None], on_report: Callable[[Report], None]
    ) -> None:
        """Remember whom to tell.

        `on_media` is given a descriptor at each start, which is then its to close: a connected
        datagram socket with RTP of `sfu.worker.protocol.PAYLOAD_TYPES` both ways.
        """
        self.alive = False
        self.starts = 0
        self._on_media, self._on_report = on_media, on_report
        self._inputs: dict[Ssrc, SetInput] = {}
        self._legs: dict[int, SetLeg] = {}
        self._process: Child | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._keeper: asyncio.Task[None] | None = None

    @staticmethod
    def available() -> bool:
        """Tell whether a worker could run here."""
        return importlib.util.find_spec("av") is not None

    @property
    def pid(self) -> int | None:
        """The process, while there is one."""
        return self._process.pid if self._process and self.alive else None

    async def start(self) -> None:
        """Start the process and keep it; `MixUnavailable` if it cannot run here."""
        if not self.available():
            raise MixUnavailable("no mix: PyAV is not installed (pip install 'sfu[media]')")
        reader = await self._launch()
        self._keeper = spawn("mix worker", self._keep(reader))

    async def close(self) -> None:
        """End the process."""
        if self._keeper:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        await self._bury()

    def set_input(self, ssrc: Ssrc, *, keys: bool = False) -> None:
        """Let the worker decode a stream; its payload types tell the codec.

        `keys`: tell of keys that are pressed as tones in it.
        """
        self._inputs[ssrc] = SetInput(ssrc, keys)
        self._say(self._inputs[ssrc])

    def close_input(self, ssrc: Ssrc) -> None:
        """Forget a stream."""
        if self._inputs.pop(ssrc, None):
            self._say(CloseInput(ssrc))

    def set_leg(
        self, leg: int, ssrc: Ssrc, codec: Codec, inputs: frozenset[Ssrc], ptime_ms: int = 20,
        max_bps: int = 0,
    ) -> None:  # fmt: skip
        """Send `leg` the mix of `inputs` under `ssrc`, 50 packets a second even of silence.

        `max_bps` of Opus; 0: as ever.
        """
        order = SetLeg(leg, ssrc, codec, ptime_ms, inputs, max_bps)
        if self._legs.get(leg) != order:
            self._legs[leg] = order
            self._say(order)

    def close_leg(self, leg: int) -> None:
        """Stop sending to `leg`."""
        if self._legs.pop(leg, None):
            self._say(CloseLeg(leg))

    def play_tone(self, leg: int, name: str) -> None:
        """Beep to `leg`: a name of `sfu.model.Tone`."""
        self._say(PlayTone(leg, name))

    def speak(self, leg: int, names: tuple[str, ...]) -> None:
        """Say prompts to `leg` behind what it is played; none: play nothing any more."""
        self._say(Speak(leg, names))

    def _say(self, order: Order) -> None:
        if self._writer and self.alive:
            self._writer.write(encode(order))

    async def _launch(self) -> asyncio.StreamReader:
        media, media_far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        control, control_far = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with media, media_far, control_far:
            for end in (media, media_far):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
            far = (media_far.fileno(), control_far.fileno())
            self._process = Child(
                sys.executable,
                "-m",
                "sfu.worker.mix",
                *map(str, far),
                pass_fds=far,
                OPENBLAS_NUM_THREADS="1",
                OMP_NUM_THREADS="1",
            )
            reader, self._writer = await asyncio.open_connection(sock=control)
            self.alive = True
            self.starts += 1
            standing: list[Order] = [*self._inputs.values(), *self._legs.values()]
            for order in standing:
                self._say(order)
            self._on_media(media.detach())
        return reader

    async def _keep(self, reader: asyncio.StreamReader) -> None:
        """Listen until the worker dies, then start another, for ever."""
        loop, wait_s = asyncio.get_running_loop(), FIRST_WAIT_S
        while True:
            born = loop.time()
            await self._listen(reader)
            await self._bury()
            wait_s = (
                FIRST_WAIT_S if loop.time() - born > YOUNG_S else min(2 * wait_s, LONGEST_WAIT_S)
            )
            reader = await self._launch_again(wait_s)

    async def _launch_again(self, wait_s: float) -> asyncio.StreamReader:
        """Start another; a machine out of memory or processes may have some again later."""
        while True:
            await asyncio.sleep(wait_s)
            try:
                return await self._launch()
            except OSError as error:
                log.error("mix worker cannot be started", error=str(error))
                await self._bury()
                wait_s = LONGEST_WAIT_S

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        lines = Lines()
        with contextlib.suppress(ConnectionError, PeerError):
            while data := await reader.read(1 << 16):
                for message in lines.feed(data):
                    self._hear(message)

    def _hear(self, message: Message) -> None:
        if isinstance(message, Report):
            self._on_report(message)

    async def _bury(self) -> None:
        """See the process to its end."""
        self.alive = False
        if self._writer:
            self._writer.close()
        if self._process is None:
            return
        try:
            await asyncio.wait_for(self._process.wait(), END_S)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
