"""The WebSocket of `docs/protocol.md`: messages out, and what holds by the last of each type in."""

import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect

from sfu.probe.ice import is_loopback

Message = dict[str, Any]


@dataclass
class Standing:
    """What the server said last."""

    member: str | None = None
    names: dict[str, str] = field(default_factory=dict)
    """Member to name."""
    pictures: dict[str, str | None] = field(default_factory=dict)
    """mid to member."""
    sounds: dict[str, str | None] = field(default_factory=dict)
    mixing: bool = False
    speaker: str | None = None
    camera: Message = field(default_factory=dict)
    notices: list[Message] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    ended: str | None = None

    def take(self, message: Message) -> None:
        """Note a message; unknown ones are nothing to us."""
        match message:
            case {"type": "joined", "member": str(member)}:
                self.member = member
            case {"type": "members", "members": list(members)}:
                self.names = {one["member"]: one["name"] for one in members}
            case {"type": "slots"}:
                self.pictures = message.get("pictures", {})
                self.sounds = message.get("sounds", {})
                self.mixing = bool(message.get("mix"))
            case {"type": "speaker"}:
                self.speaker = message.get("member")
            case {"type": "send", "camera": dict(camera)}:
                self.camera = camera
            case {"type": "notice"}:
                self.notices.append(message)
            case {"type": "refused", "code": str(code)}:
                self.refusals.append(code)
            case {"type": "ended", "code": str(code)}:
                self.ended = code


class Signalling:
    """One connection."""

    def __init__(self, connection: ClientConnection) -> None:
        """Speak on an open connection."""
        self._connection = connection

    async def say(self, kind: str, **fields: Any) -> None:
        """Send a message."""
        await self._connection.send(json.dumps({"type": kind, **fields}))

    async def hear(self) -> AsyncIterator[Message]:
        """Yield messages until the connection is closed."""
        async for text in self._connection:
            message = json.loads(text)
            if isinstance(message, dict):
                yield message

    async def close(self) -> None:
        """Hang up."""
        await self._connection.close()


async def open_signalling(url: str) -> Signalling:
    """Connect to a server by its page's address; of this host any certificate is taken."""
    parts = urlsplit(url)
    scheme = {"https": "wss", "http": "ws"}.get(parts.scheme, parts.scheme)
    path = parts.path if parts.path.endswith("/ws") else "/ws"
    context = None
    if scheme == "wss":
        context = ssl.create_default_context()
        if is_loopback(parts.hostname or ""):
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    address = urlunsplit((scheme, parts.netloc, path, "", ""))
    return Signalling(await connect(address, ssl=context, max_size=1 << 20))
