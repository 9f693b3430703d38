"""Certificates that are renewed while we serve: their files are looked at, and read again.

A renewal writes two files, one after the other.  What does not fit together is left alone: who
connects meanwhile is shown the certificate that was good, and the next look may find both.
"""

from dataclasses import dataclass, field
from pathlib import Path

from sfu.shell.certificate import Certificate, load_certificate

LOOK_EVERY_S = 10.0

State = tuple[tuple[int, int, int] | None, ...]
"""Inode, size and time of change of each file; None: it is not there."""


@dataclass(slots=True)
class Renewal:
    """Two files, and how they were when we looked last."""

    chain: Path
    key: Path
    _seen: State = field(init=False)

    def __post_init__(self) -> None:
        """Begin with what is in use."""
        self._seen = self._state()

    def look(self, *, anyhow: bool = False) -> Certificate | None:
        """Give the certificate where its files are others than before; UseError: it is unusable.

        What is unusable is told once, until the files change again.
        """
        state = self._state()
        if state == self._seen and not anyhow:
            return None
        self._seen = state
        return load_certificate(self.chain, self.key)

    def _state(self) -> State:
        return tuple(_facts(path) for path in (self.chain, self.key))


def _facts(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()  # of what a link leads to: certbot renews by new links
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
