"""The mix worker's process: `python -m sfu.worker.mix MEDIA_FD CONTROL_FD`.

It owns two inherited sockets and a 20 ms beat.  The n-th tick is due at start + n * 20 ms
whatever the ticks before took, so legs never drift against the clock.  Media is read each 5 ms:
the jitter this adds is small, and a hundred inputs wake the process no oftener than one.

It ends when the server closes control, so no worker outlives its server.
"""

import contextlib
import gc
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Iterator
from typing import Final

from sfu.worker.memory import give_back, keep_little
from sfu.worker.mixer import TICK_S, Mixer
from sfu.worker.protocol import Lines, encode

READ_S: Final = 0.005
LATEST_TICKS: Final = 5
"""Ticks late by more are left out: the machine stood still."""
NICE: Final = -10
"""Where we may (root, LimitNICE=): a late frame is heard, a late page is not."""
_DATAGRAM: Final = 2048
_BATCH: Final = 1024


class Beat:
    """When the next tick is due."""

    def __init__(self, now: float) -> None:
        """Start now."""
        self.due = now + TICK_S

    def passed(self, now: float) -> tuple[int, int]:
        """Return (ticks to leave out, ticks to do) and set the next."""
        late = int((now - self.due) / TICK_S) + 1 if now >= self.due else 0
        self.due += late * TICK_S
        return (late - 1, 1) if late > LATEST_TICKS else (0, late)


class Worker:
    """The two sockets around a `Mixer`."""

    def __init__(self, media: socket.socket, control: socket.socket) -> None:
        """Take over both sockets."""
        self._media, self._control = media, control
        self._media.setblocking(False)
        self._mixer = Mixer()
        self._lines = Lines()

    def run(self) -> None:
        """Work until control is closed."""
        beat = Beat(time.monotonic())
        resting = True
        while True:
            rested, resting = resting, self._mixer.resting
            if resting and not rested:
                gc.collect()
                give_back()  # the last has left: nobody hears how long this takes
            if not self._listen(None if resting else min(READ_S, beat.due - time.monotonic())):
                return
            woken = time.monotonic()
            if resting:
                beat = Beat(woken)
            for datagram in self._datagrams():
                self._mixer.receive(datagram, woken)
            skip, ticks = beat.passed(woken)
            if skip:
                self._mixer.skip(skip)
            for _ in range(ticks):
                self._tick(woken)
            self._mixer.worked(time.monotonic() - woken)

    def _tick(self, now: float) -> None:
        for packet in self._mixer.tick(now):
            with contextlib.suppress(BlockingIOError, ConnectionError):
                self._media.send(packet)  # nobody reads: as lost as on any network
        for report in self._mixer.reports():
            self._control.sendall(encode(report))

    def _listen(self, timeout_s: float | None) -> bool:
        """Wait for orders at most so long and do them; False when control is closed."""
        if not select.select([self._control], [], [], timeout_s and max(0.0, timeout_s))[0]:
            return True
        data = self._control.recv(1 << 16)
        for message in self._lines.feed(data):
            self._mixer.apply(message, time.monotonic())  # type: ignore[arg-type]
        return bool(data)

    def _datagrams(self) -> Iterator[bytes]:
        for _ in range(_BATCH):
            try:
                yield self._media.recv(_DATAGRAM)
            except BlockingIOError:
                return


def main() -> None:
    """Run on the descriptors named on the command line."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's; we follow it
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, NICE)
    keep_little()
    media, control = (socket.socket(fileno=int(number)) for number in sys.argv[1:3])
    gc.collect()
    gc.freeze()  # what is imported stays: it need not be looked at again
    with contextlib.suppress(ConnectionError, BrokenPipeError):
        Worker(media, control).run()


if __name__ == "__main__":
    main()
