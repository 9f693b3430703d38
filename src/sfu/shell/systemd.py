"""What a service tells its manager: that it is ready, reloads, stops, and still lives.

::

    NOTIFY_SOCKET  <-- READY=1, RELOADING=1, STOPPING=1, STATUS=words, WATCHDOG=1
    WATCHDOG_USEC  --> how often it wants to hear the last of these, or it kills us

See sd_notify(3) and systemd.service(5), `WatchdogSec=`.  Without such a manager nothing is said.
"""

import contextlib
import os
import socket
import time
from collections.abc import Mapping


class Manager:
    """The service manager that started us, or none."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        """Read where it listens, and how often it wants a sign of life."""
        self._address = environ.get("NOTIFY_SOCKET", "")
        self._every_s = _watchdog_s(environ)
        self._alive_at = float("-inf")

    def ready(self, status: str) -> None:
        """Say that we serve, at the start or again after a reload."""
        self._say("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        """Say that settings are read again; `ready` ends it."""
        self._say("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Say that we go."""
        self._say("STOPPING=1")

    def status(self, words: str) -> None:
        """Say in one line how we are, for `systemctl status`."""
        self._say(f"STATUS={words}")

    def alive(self, now: float) -> None:
        """Say that we live, three times as often as is asked; call it where work was done."""
        if self._every_s is not None and now - self._alive_at >= self._every_s / 3:
            self._alive_at = now
            self._say("WATCHDOG=1")

    def _say(self, *lines: str) -> None:
        if not self._address:
            return
        # "@" stands for the zero octet of an abstract address (unix(7))
        where = "\0" + self._address[1:] if self._address[0] == "@" else self._address
        text = "\n".join(" ".join(line.split("\n")) for line in lines)
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.sendto(text.encode(), where)


def _watchdog_s(environ: Mapping[str, str]) -> float | None:
    """Return how often a sign of life is wanted; None where nobody wants one of this process."""
    try:
        every_s = int(environ.get("WATCHDOG_USEC", "")) / 1_000_000
        process = int(environ.get("WATCHDOG_PID", str(os.getpid())))
    except ValueError:
        return None
    return every_s if every_s > 0 and process == os.getpid() else None
