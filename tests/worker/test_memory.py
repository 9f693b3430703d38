"""What was freed in pieces goes back to the kernel."""

import ctypes
from pathlib import Path

from sfu.worker.memory import give_back


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_memory_freed_below_something_kept_is_given_back():
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.free.argtypes = (ctypes.c_void_p,)
    size, pieces = 64 * 1024, 512
    taken = [libc.malloc(size) for _ in range(pieces)]
    kept = libc.malloc(size)
    for piece in taken:
        ctypes.memset(piece, 1, size)
    for piece in taken:
        libc.free(piece)
    before = _resident_bytes()
    give_back()
    assert before - _resident_bytes() > size * pieces // 2
    libc.free(kept)
