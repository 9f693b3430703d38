"""Children that do not outlive the tests, however those end."""

import ctypes
import signal

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def die_with_parent() -> None:
    """Be killed when the parent is gone; for `preexec_fn` (prctl(2))."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
