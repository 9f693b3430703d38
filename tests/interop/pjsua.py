"""pjsua2, the third SIP stack: sound only, as its wheel is built; its recorder says what came."""

import asyncio
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.interop import fixtures, hearing
from tests.interop.fixtures import Identity
from tests.interop.process import die_with_parent
from tests.interop.wait import until

PHONE = Path(__file__).with_name("pjsua_phone.py")


@dataclass
class Pjsua:
    """One call of a softphone."""

    who: Identity
    home: Path
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def log(self) -> str:
        return (self.home / "log").read_text(errors="replace")

    async def call(self, uri: str, transport: str = "udp", keys: str = "none") -> None:
        """Call, and wait until its sound flows."""
        self.home.mkdir(parents=True)
        sound = fixtures.tone_wav(self.who, 16000)
        with open(self.home / "log", "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(PHONE), uri, transport, keys, str(sound),
                 str(self.home / "heard.wav")],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=die_with_parent,
            )  # fmt: skip
        try:
            await until(lambda: "media " in self.log, 10, "pjsua's media")
        except TimeoutError:
            raise TimeoutError(f"pjsua's call:\n{self.log[-3000:]}") from None

    def heard(self, seconds: float = 2.0) -> set[str]:
        """Return who is heard in its last seconds of decoded sound."""
        path = self.home / "heard.wav"
        if not path.exists() or path.stat().st_size < 100:
            return set()
        return hearing.heard_at_the_end(path, seconds)

    async def hears(self, *people: Identity, seconds: float = 15) -> None:
        wanted = {who.name for who in people}
        try:
            await until(lambda: self.heard() == wanted, seconds, f"pjsua hearing {wanted}")
        except TimeoutError as error:
            raise TimeoutError(f"{error}: heard {self.heard()}") from None

    async def stop(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            await asyncio.to_thread(self.process.wait, 5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
