"""What was freed goes back to the kernel."""

import ctypes
import subprocess
import sys
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


LARGE_AND_FREED = """
from pathlib import Path
from sfu.worker.memory import keep_little

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

{prepare}
before = resident()
for _ in range(3):  # a large buffer that is freed has glibc keep as much of its heap from then on
    bytearray(30_000_000)
pieces = [bytes(200_000) for _ in range(150)]
del pieces
print(resident() - before)
"""


def test_what_large_bodies_took_is_not_kept_for_the_next():
    kept = {
        prepare: int(
            subprocess.run(
                [sys.executable, "-c", LARGE_AND_FREED.format(prepare=prepare)],
                capture_output=True, check=True, text=True,
            ).stdout
        )
        for prepare in ("keep_little()", "pass")
    }  # fmt: skip
    assert kept["keep_little()"] < 4_000_000 < kept["pass"]
