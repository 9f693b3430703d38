"""Programs beside the server, real ones."""

import asyncio
import mmap
import os
import signal
import sys
from pathlib import Path

import pytest
import uvloop

from sfu.shell.child import Child

PATIENCE_S = 20.0
TELLS = (
    "import os, sys; words = [*os.listdir('/proc/self/fd'), os.environ['WHO']];"
    "os.write(int(sys.argv[1]), ' '.join(words).encode())"
)
SLEEPS = (sys.executable, "-c", "import time; time.sleep(60)")


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request):
    return request.param


def test_one_is_told_something_and_answers(run):
    async def story() -> None:
        child = Child("cat", piped=True)
        assert await child.communicate(b"Lajoux") == b"Lajoux"
        assert child.status == 0

    run(story())


def test_its_end_is_told_with_its_status(run):
    async def story() -> None:
        child = Child(*SLEEPS)
        assert child.status is None
        waiting = asyncio.ensure_future(child.wait())  # noqa: TID251
        await asyncio.sleep(0)
        child.kill()
        async with asyncio.timeout(PATIENCE_S):
            assert await waiting == -signal.SIGKILL
            assert await child.wait() == -signal.SIGKILL  # whoever asks later hears it too
        child.kill()

    run(story())


def test_it_is_asked_to_end_and_may_have_ended(run):
    async def story() -> None:
        child = Child(*SLEEPS)
        child.terminate()
        async with asyncio.timeout(PATIENCE_S):
            assert await child.wait() == -signal.SIGTERM
        child.terminate()

    run(story())


def test_its_end_is_seen_where_the_kernel_does_not_tell(run, monkeypatch):
    def refuse(pid: int) -> int:
        raise OSError

    async def story() -> None:
        child = Child("true")
        async with asyncio.timeout(PATIENCE_S):
            assert await child.wait() == 0

    monkeypatch.setattr(os, "pidfd_open", refuse)
    run(story())


def test_it_has_what_is_passed_and_nothing_else(run):
    async def story() -> None:
        theirs, ours = os.pipe()
        other, end = os.pipe()
        for fd in (other, end):
            os.set_inheritable(fd, True)
        child = Child(sys.executable, "-c", TELLS, str(ours), pass_fds=(ours,), WHO="room")
        async with asyncio.timeout(PATIENCE_S):
            assert await child.wait() == 0
        *open_there, who = os.read(theirs, 4096).decode().split()
        assert who == "room"
        assert str(ours) in open_there
        assert not {str(other), str(end)} & set(open_there)
        for fd in (theirs, ours, other, end):
            os.close(fd)

    run(story())


def test_what_cannot_be_started_is_an_oserror(run):
    async def story() -> None:
        with pytest.raises(OSError):
            Child("/nowhere/at/all")

    run(story())


def test_our_memory_is_not_copied_for_it():
    """Pages of ours that were written before are not faulted in again after: there was no fork."""
    pages = mmap.mmap(-1, 4096 * 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)

    def faults() -> int:
        before = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[7])
        for at in range(0, len(pages), 4096):
            pages[at] = 1
        return int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[7]) - before

    async def story() -> None:
        assert faults() >= 8  # huge pages are few
        child = Child("true")
        assert faults() < 8
        await child.wait()

    uvloop.run(story())
