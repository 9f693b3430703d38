"""Whose fault an error is, and what to answer.

A parser raises `PeerError` and nothing else: its bytes came from the network.  `UseError` is our
caller's mistake.  A broken invariant of our own is an `assert`.
"""


class SfuError(Exception):
    """Base of the two errors this project raises on purpose."""


class PeerError(SfuError):
    """The peer sent something we cannot take.

    `status` is what its protocol is answered: a SIP status, a Q.850 cause, a BFCP error code.
    """

    def __init__(self, reason: str, *, status: int = 400) -> None:
        """Remember why, and what to answer."""
        super().__init__(reason)
        self.reason = reason
        self.status = status


class UseError(SfuError):
    """Our own caller asked for something that cannot be."""
