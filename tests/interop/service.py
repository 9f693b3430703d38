"""The life of the installed service under a real systemd, its sandbox closed.

::

    ready -> all kinds of media -> reload, right and wrong -> watchdog -> stop
          -> upgrade with a call up -> an upgrade that fails -> the journal

`scripts/fresh-machine --systemd` boots a bare Debian with systemd as its first process, installs,
and has `python -m tests.interop.service LEADER CHECKOUT KEY=VALUE...` walk: that process as seen
from here, the folder of the checkout in there, the environment of a shell there.  The network is
this host's.
"""

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.error import URLError
from urllib.request import Request, urlopen

import av
import numpy as np

from sfu.shell.tasks import spawn
from tests.interop.baresip import Baresip
from tests.interop.conftest import Meeting
from tests.interop.fixtures import ANNE, LAJOUX, MOREZ
from tests.interop.test_attendant import CARD
from tests.interop.test_life import invite
from tests.interop.wait import until

WORDS = (
    "un-long-mot",
    "un-autre-mot",
    "482913",
    "le-mot-du-relais",
    "le-mot-du-webhook-de-la-mairie",
)
SETTINGS = """
[[account]]
user = "lajoux"
password = "un-long-mot"
[[account]]
user = "morez"
password = "un-autre-mot"
[[room]]
number = "4203"
pin = "482913"
[turn]
urls = ["turn:127.0.0.1:3478?transport=tcp"]
secret = "le-mot-du-relais"
[[webhook]]
name = "intranet"
url = "http://127.0.0.1:9/"
secret = "le-mot-du-webhook"
"""
MOST_EXPOSED = 2.0
SIP, PAGE, LOCAL = 5060, "https://127.0.0.1:8443", "http://127.0.0.1:8080"
BROKEN = "raise SystemExit('broken on purpose')\n"
NICE = "[Service]\nCapabilityBoundingSet=CAP_SYS_NICE\nAmbientCapabilities=CAP_SYS_NICE\n"


def metric(line: str) -> float:
    """Read one series of the running server; -1 where nobody answers or there is none."""
    try:
        with urlopen(LOCAL + "/metrics", timeout=5) as answer:
            found = re.search(rf"(?m)^{re.escape(line)} (\S+)$", answer.read().decode())
    except (URLError, OSError):
        return -1.0
    return float(found[1]) if found else -1.0


class Service:
    """Somebody with a shell on that machine, rooms and a browser beside it."""

    def __init__(
        self, meeting: Meeting, leader: int, checkout: str, settings: Sequence[str]
    ) -> None:
        self.meeting, self.leader, self.checkout = meeting, leader, checkout
        self.settings = settings
        self.root = Path(f"/proc/{leader}/root")
        self._begin = time.monotonic()

    def note(self, words: str) -> None:
        print(f"{time.monotonic() - self._begin:6.1f} s  {words}", flush=True)

    async def shell(self, *words: str) -> tuple[int, str]:
        """Give a command on the machine; return its code and what it said."""
        process = await asyncio.create_subprocess_exec(
            "nsenter", "-t", str(self.leader), "-a", "env", "-i", *self.settings, *words,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        out, _ = await process.communicate()
        return process.returncode or 0, out.decode()

    async def run(self, *words: str) -> str:
        """Give a command that must succeed."""
        code, said = await self.shell(*words)
        assert code == 0, f"{' '.join(words)}: {code}: {said[-3000:]}"
        return said

    async def unit(self, key: str) -> str:
        return (await self.run("systemctl", "show", "sfu", "--value", "-p", key)).strip()

    async def pid(self) -> int:
        """Return the server's process as seen from here."""
        inner = await self.unit("MainPID")
        for one in Path("/proc").glob("[0-9]*/status"):
            with contextlib.suppress(OSError):
                text = one.read_text()
                if re.search(rf"(?m)^NSpid:\t\d+\t{inner}$", text) and "\tsfu\n" in text:
                    return int(one.parent.name)
        raise LookupError(f"no process {inner} there")

    async def up(self, seconds: float = 20) -> None:
        await until(lambda: metric("sfu_draining") == 0, seconds, "a server that takes calls")

    def write(self, path: str, text: str) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    async def walk(self) -> None:
        await self.ready()
        await self.reloads()
        await self.media()
        await self.real_time()
        await self.watched()
        await self.stops()
        await self.upgrades()
        await self.comes_back()
        await self.silence()

    async def ready(self) -> None:
        """It is active once it says so, and what it may do is little."""
        assert (await self.run("systemctl", "is-active", "sfu")).strip() == "active"
        assert (await self.run("systemctl", "is-enabled", "sfu")).strip() == "enabled"
        begin, end = [
            int(await self.unit(key))
            for key in ("ExecMainStartTimestampMonotonic", "ActiveEnterTimestampMonotonic")
        ]
        assert (await self.unit("Type"), await self.unit("NRestarts")) == ("notify", "0")
        status = await self.unit("StatusText")
        assert "SIP on 5060" in status
        self.note(f"active {(end - begin) / 1e6:.1f} s after its start: {status!r}")
        said = await self.run("systemd-analyze", "security", "--no-pager", "sfu")
        exposure = float(said.rpartition("level for sfu.service: ")[2].split()[0])
        assert exposure < MOST_EXPOSED
        self.note(f"systemd-analyze security: {exposure}")

    async def reloads(self) -> None:
        """What is right counts while a call is up; what is wrong is refused and changes nothing."""
        file, first = self.root / "etc/sfu/sfu.toml", await self.unit("MainPID")
        lajoux = await self.meeting.room(LAJOUX)
        await lajoux.dial(f"sip:4201@127.0.0.1:{SIP}")
        await until(lambda: metric('sfu_calls{protocol="sip"}') == 1, 10, "the call")
        good = file.read_text() + SETTINGS
        file.write_text(good)
        await self.run("systemctl", "reload", "sfu")
        with urlopen(LOCAL + "/api/v1/rooms", timeout=5) as answer:
            assert "4203" in answer.read().decode()
        file.write_text(good + "[http]\ntls_prot = 1\n")
        code, _ = await self.shell("systemctl", "reload", "sfu")
        assert code != 0
        assert "tls_prot: unknown key" in await self.run("journalctl", "-u", "sfu", "-o", "cat")
        file.write_text(good)
        await self.run("systemctl", "reload", "sfu")
        assert await self.unit("MainPID") == first
        assert metric('sfu_calls{protocol="sip"}') == 1
        self.note("reloaded three times, once refused, with a call up")
        await until(lambda: self.sees_card(lajoux), 15, "the card of who is alone")
        self.note("who is alone sees a card")
        await lajoux.hang_up()
        await until(lambda: metric('sfu_calls{protocol="sip"}') == 0, 10, "its end")
        await lajoux.stop()

    async def sees_card(self, unit: Baresip) -> bool:
        path = unit.home / f"card-{time.monotonic_ns()}.png"
        await unit.command("snapshot_recv", path.name)
        await asyncio.sleep(0.5)
        if not path.exists() or not path.read_bytes().endswith(b"IEND\xaeB`\x82"):
            return False
        with av.open(str(path)) as container:
            pixels = next(container.decode(video=0)).to_ndarray(format="rgb24")
        colour = np.median(pixels.reshape(-1, 3), axis=0)
        # baresip takes its colours for full range
        return float(np.abs(colour - CARD).max()) < 16

    async def people(self) -> tuple[Baresip, Baresip]:
        """Two rooms in one meeting."""
        found = [await self.meeting.room(who) for who in (LAJOUX, MOREZ)]
        for one in found:
            await one.dial(f"sip:4201@127.0.0.1:{SIP}")
        return found[0], found[1]

    async def media(self) -> None:
        """SIP, H.323, a page, the mixer: all of it goes on in the closed sandbox."""
        lajoux, morez = await self.people()
        anne = await self.meeting.person(ANNE, PAGE)
        await anne.sees(LAJOUX, MOREZ, seconds=60)
        await anne.hears(LAJOUX, MOREZ)
        await lajoux.hears(MOREZ, ANNE)  # two voices in one stream: the mixer
        self.note("two rooms and a page see and hear each other; the mixer mixes")
        await anne.press("leave")
        await morez.hang_up()
        await morez.dial(f"sip:4202@127.0.0.1:{SIP}")
        said = json.loads(
            await self.run("sfu", "call", "h323:4202@127.0.0.1:1720", "--room", "4201")
        )
        assert said["answered"]
        await lajoux.sees(MOREZ, seconds=40)
        await morez.sees(LAJOUX)
        await morez.hears(LAJOUX)
        assert metric('sfu_calls{protocol="h323"}') == 2  # both ends are ours
        self.note("two rooms meet by H.323")
        await lajoux.hang_up()
        await morez.hang_up()
        path = f"{LOCAL}/api/v1/calls/{said['call']}"
        await asyncio.to_thread(urlopen, Request(path, method="DELETE"))
        await until(lambda: metric('sfu_calls{protocol="h323"}') == 0, 10, "the end of H.323")
        await lajoux.stop()
        await morez.stop()

    async def calls(self) -> list[int]:
        with urlopen(LOCAL + "/api/v1/calls?limit=9", timeout=5) as answer:
            rows = json.loads(answer.read())
        return [one["call"] for one in rows if one["ended_at"] is None]

    async def real_time(self) -> None:
        """The engine's threads have real-time priority, where the machine lets systemd give it."""
        limits = Path(f"/proc/{await self.pid()}/limits").read_text()
        given = int(re.findall(r"Max realtime priority +(\d+)", limits)[0])
        if given:
            assert metric("sfu_engine_realtime") == 1
            self.note(f"real-time priority by LimitRTPRIO={given}")
            return
        drop = "etc/systemd/system/sfu.service.d/nice.conf"
        self.write(drop, NICE)
        await self.again()
        assert metric("sfu_engine_realtime") == 1
        self.note("LimitRTPRIO= cannot be given on this machine (no CAP_SYS_RESOURCE); with "
                  "CAP_SYS_NICE instead the sandbox lets the threads have it")  # fmt: skip
        (self.root / drop).unlink()
        await self.again()

    async def again(self) -> None:
        await self.run("systemctl", "daemon-reload")
        await self.run("systemctl", "restart", "sfu")
        await self.up()

    async def watched(self) -> None:
        """A server that stands still is started again."""
        before, begin = await self.unit("MainPID"), time.monotonic()
        os.kill(await self.pid(), signal.SIGSTOP)

        async def another() -> bool:
            return await self.unit("NRestarts") == "1" and metric("sfu_draining") == 0

        await until(another, 90, "the restart", every=0.5)
        assert await self.unit("MainPID") != before
        said = await self.run("journalctl", "-u", "sfu", "-o", "cat")
        assert "Watchdog timeout (limit 30s)!" in said
        self.note(f"stopped by SIGSTOP, takes calls again after {time.monotonic() - begin:.0f} s")

    async def stops(self) -> None:
        """`systemctl stop` ends calls by BYE and closes their records."""
        units = await self.people()
        await units[0].sees(MOREZ, seconds=40)
        begin = time.monotonic()
        await self.run("systemctl", "stop", "sfu")
        took = time.monotonic() - begin
        for one in units:
            await until(lambda one=one: "terminated" in one.log or "closed" in one.log, 5, "BYE")
        assert await self.unit("Result") == "success"
        assert await self.unit("ExecMainStatus") == "0"
        await self.run("systemctl", "start", "sfu")
        await self.up()
        assert await self.calls() == []
        with urlopen(LOCAL + "/api/v1/calls?limit=2", timeout=5) as answer:
            reasons = [one["reason"] for one in json.loads(answer.read())]
        self.note(f"stopped in {took:.1f} s, both calls told: {', '.join(reasons)}")
        assert "vanished" not in reasons
        for one in units:
            await one.stop()

    async def current(self) -> str:
        return (await self.run("readlink", "/opt/sfu/current")).strip()

    async def upgrade(self, minutes: int) -> tuple[int, str]:
        script = f"{self.checkout}/scripts/upgrade"
        return await self.shell("env", f"MINUTES={minutes}", script)

    async def upgrades(self) -> None:
        """It waits for a meeting to end, lets nobody new in, and the new one takes calls."""
        before = await self.current()
        lajoux = await self.meeting.room(LAJOUX)
        await lajoux.dial(f"sip:4201@127.0.0.1:{SIP}")
        await until(lambda: metric('sfu_calls{protocol="sip"}') == 1, 10, "the call")
        work = spawn("upgrade", self.upgrade(5))
        await until(lambda: work.done() or metric("sfu_draining") == 1, 240, "its drain", every=0.5)
        assert not work.done(), work.result()
        refused = await asyncio.to_thread(invite, SIP, "4201")
        assert refused.startswith("SIP/2.0 503 ")
        assert metric('sfu_calls{protocol="sip"}') == 1
        begin = time.monotonic()
        await lajoux.hang_up()
        code, said = await work
        assert code == 0, said[-3000:]
        assert "upgraded: sfu " in said
        assert await self.current() != before
        self.note(f"upgraded, {time.monotonic() - begin:.1f} s after the last call ended")
        await lajoux.stop()

    async def comes_back(self) -> None:
        """A version that does not start is gone again, and the old one takes calls."""
        before = await self.current()
        file = self.root / self.checkout[1:] / "src/sfu/app/server.py"
        whole = file.read_text()
        try:
            file.write_text(whole + BROKEN)
            code, said = await self.upgrade(0)
        finally:
            file.write_text(whole)
        assert code != 0
        assert "not upgraded" in said, said[-3000:]
        assert await self.current() == before
        await self.up()
        releases = (await self.run("ls", "/opt/sfu/releases")).split()
        assert len(releases) == 2, releases
        self.note("a version that does not start was taken back")

    async def silence(self) -> None:
        """The journal holds no secret."""
        said = await self.run("journalctl", "--no-pager", "-o", "export")
        password = (self.root / "var/lib/sfu/first-password").read_text().split()[-1]
        found = [word for word in (*WORDS, password) if word in said]
        assert found == []
        denied = [line for line in said.splitlines() if "EPERM" in line or "ermission" in line]
        assert denied == []
        self.note(f"no secret of {len(WORDS) + 1} in {len(said) // 1024} KB of journal")


def main(words: Sequence[str] = sys.argv) -> None:
    """Walk on the machine whose first process is LEADER."""

    async def story() -> None:
        with TemporaryDirectory() as home:
            async with AsyncExitStack() as stack:
                await Service(Meeting(Path(home), stack), int(words[1]), words[2], words[3:]).walk()

    asyncio.run(asyncio.wait_for(story(), 900))


if __name__ == "__main__":
    main()
