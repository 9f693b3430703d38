"""Give back what an allocator keeps after a busy hour.

glibc returns memory only from the end of its heap; after a hundred calls that end holds some
buffer of the last one, and what lies before it stays with the process for good.
"""

import ctypes
from functools import cache


def give_back() -> None:
    """Return free pages to the kernel, where the C library knows how: some milliseconds."""
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@cache
def _malloc_trim() -> "ctypes._NamedFuncPointer | None":
    return getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
