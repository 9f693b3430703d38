"""The C state machine without sockets, beside the Python reference: same words for both."""

import struct
from types import TracebackType
from typing import Self

from sfu._native import ffi, lib

from sfu.media.engine import wire
from sfu.media.engine.command import Command
from sfu.media.engine.event import Event
from sfu.media.engine.snapshot import Snapshot

CAP = 1 << 20
NEVER = (1 << 63) - 1


class Stage:
    def __init__(self, seed: int) -> None:
        self._stage = lib.sfu_stage_open(seed)
        self._out = ffi.new("uint8_t[]", CAP)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        lib.sfu_stage_close(self._stage)

    def apply(self, *commands: Command, now_us: int = 0) -> list[tuple[int, bytes]]:
        """Return (transport, datagram) pairs of what leaves by that."""
        packed = wire.pack(commands)
        size = lib.sfu_stage_apply(self._stage, packed, len(packed), now_us, self._out, CAP)
        return self._sent(size)

    def receive(self, transport: int, datagram: bytes, now_us: int) -> list[tuple[int, bytes]]:
        """Return (transport, datagram) pairs."""
        size = lib.sfu_stage_receive(
            self._stage, transport, datagram, len(datagram), now_us, self._out, CAP
        )
        return self._sent(size)

    def timer(self, now_us: int) -> list[tuple[int, bytes]]:
        return self._sent(lib.sfu_stage_timer(self._stage, now_us, self._out, CAP))

    def deadline(self) -> int | None:
        """Return when `timer` must be called next."""
        deadline = lib.sfu_stage_deadline(self._stage)
        return None if deadline == NEVER else deadline

    def events(self) -> list[Event]:
        size = lib.sfu_stage_poll(self._stage, self._out, CAP)
        return list(wire.unpack_events(bytes(ffi.buffer(self._out, size))))

    def snapshot(self, now_us: int = 0) -> Snapshot:
        size = lib.sfu_stage_snapshot(self._stage, self._out, CAP, now_us)
        return wire.unpack_snapshot(bytes(ffi.buffer(self._out, size)))

    def _sent(self, size: int) -> list[tuple[int, bytes]]:
        assert size >= 0
        packed = bytes(ffi.buffer(self._out, size))
        sent, at = [], 0
        while at < len(packed):
            transport, length = struct.unpack_from("=II", packed, at)
            sent.append((transport, packed[at + 8 : at + 8 + length]))
            at += 8 + length
        return sent
