"""Give back what an allocator keeps after a busy hour.

glibc returns memory only from the end of its heap; after a hundred calls that end holds some
buffer of the last one, and what lies before it stays with the process for good.
"""

import ctypes
from functools import cache

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
"""Numbers of mallopt(3)."""
ARENAS, MMAP_BYTES, TRIM_BYTES = 2, 256 * 1024, 1024 * 1024


def keep_little() -> None:
    """Have the allocator keep little of what it was given back, where it is glibc's.

    Left alone it takes a heap for each thread, and once a large buffer was freed keeps up to 64 MB
    for the next: a flood of large bodies would stay in memory for good.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_ARENA_MAX, ARENAS)
        mallopt(M_MMAP_THRESHOLD, MMAP_BYTES)
        mallopt(M_TRIM_THRESHOLD, TRIM_BYTES)


def give_back() -> None:
    """Return free pages to the kernel, where the C library knows how: some milliseconds."""
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@cache
def _malloc_trim() -> "ctypes._NamedFuncPointer | None":
    return getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
