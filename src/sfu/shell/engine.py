"""The door to the native engine: commands in, events by the loop, snapshots on demand.

The engine's thread never takes the GIL; its event descriptor wakes the loop by `add_reader`.
"""

import asyncio
import os
from collections.abc import Callable

from sfu._native import ffi as _ffi
from sfu._native import lib as _lib
from sfu.errors import UseError
from sfu.media.engine import layout, wire
from sfu.media.engine.command import Command
from sfu.media.engine.event import Event
from sfu.media.engine.snapshot import Snapshot
from sfu.model import SinkId

_POLL_BYTES = 256 * 1024
_SNAPSHOT_BYTES = 256 * 1024
_SERVED = 1024
"""64 sinks of each of 16 threads."""


class Engine:
    """One native engine with its thread; close it when done."""

    def __init__(self, threads: int = 0) -> None:
        """Start so many threads, 0 for one on each core we may use.

        Raises where it was built from other sources, or the system refuses.
        """
        wire.check_abi(_abi())
        self._handle = _lib.sfu_open(threads)
        if self._handle == _ffi.NULL:
            raise OSError(_ffi.errno, f"native engine: {os.strerror(_ffi.errno)}")
        self._poll_buffer = _ffi.new("uint8_t[]", _POLL_BYTES)
        self._snapshot_buffer = _ffi.new("uint8_t[]", _SNAPSHOT_BYTES)
        self._served = _ffi.new("uint32_t[]", _SERVED)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._callback: Callable[[Event], None] | None = None

    def apply(self, *commands: Command) -> None:
        """Make it so, in this order, between two batches of packets."""
        packed = wire.pack(commands)
        if self._closed or _lib.sfu_apply(self._handle, packed, len(packed)) != 0:
            raise UseError("the native engine takes no such command")

    def served(self) -> tuple[SinkId, ...]:
        """Give the sinks routed by the last `apply` that began with the last key frame at once.

        The first 64 of each thread: of the others the next snapshot tells.
        """
        count = _lib.sfu_served(self._handle, self._served, len(self._served))
        return tuple(SinkId(self._served[place]) for place in range(count))

    def on_event(self, callback: Callable[[Event], None]) -> None:
        """Call back on the running loop for each event from now on.

        At once, but for RTCP that only tells (reports): with the next event or snapshot.
        """
        self._loop, self._callback = asyncio.get_running_loop(), callback
        self._loop.add_reader(_lib.sfu_fd(self._handle), self._drain)

    def poll(self) -> list[Event]:
        """Take the events that wait, some hundred at most."""
        size = _lib.sfu_poll(self._handle, self._poll_buffer, _POLL_BYTES)
        return list(wire.unpack_events(bytes(_ffi.buffer(self._poll_buffer, size))))

    def snapshot(self) -> Snapshot:
        """Give the numbers of this instant; what was heard before has been called back."""
        if self._callback is not None:
            self._drain()
        while True:
            cap = len(self._snapshot_buffer)
            size = _lib.sfu_snapshot(self._handle, self._snapshot_buffer, cap)
            if size <= cap:
                return wire.unpack_snapshot(bytes(_ffi.buffer(self._snapshot_buffer, size)))
            self._snapshot_buffer = _ffi.new("uint8_t[]", 2 * size)

    def close(self) -> None:
        """Stop the thread and close every socket that was handed over; a second time is nothing."""
        if self._closed:
            return
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(_lib.sfu_fd(self._handle))
        _lib.sfu_close(self._handle)
        self._handle = _ffi.NULL

    @property
    def _closed(self) -> bool:
        return bool(self._handle == _ffi.NULL)

    def _drain(self) -> None:
        for event in self.poll():
            if self._closed or self._callback is None:
                return
            self._callback(event)


def _abi() -> tuple[int, ...]:
    sizes = _ffi.new("uint32_t[]", len(layout.SIZES))
    count = _lib.sfu_abi(sizes, len(sizes))
    return tuple(sizes)[:count]
