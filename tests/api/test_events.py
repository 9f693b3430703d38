"""What happens is heard over a WebSocket by who may read, while he may."""

import asyncio
import json
from typing import Any

from sfu.api import events
from sfu.model import Role
from sfu.shell.news import QUEUE_MAX, NewsKind
from sfu.shell.tasks import spawn
from tests.api.client import FAR


class Socket:
    """The other side of a WebSocket: what it was sent, and a way to say something."""

    def __init__(self, scene, address=FAR, **headers):
        self.sent: asyncio.Queue[Any] = asyncio.Queue()
        self._said: asyncio.Queue[Any] = asyncio.Queue()
        self._said.put_nowait({"type": "websocket.connect"})
        scope = {
            "type": "websocket", "scheme": "wss", "path": "/api/v1/events", "raw_path": b"",
            "query_string": b"", "root_path": "", "subprotocols": [], "client": (address, 4711),
            "server": ("127.0.0.1", 443), "asgi": {"version": "3.0"}, "http_version": "1.1",
            "headers": [
                (name.encode(), value.encode())
                for name, value in {"host": "127.0.0.1", **headers}.items()
            ],
        }  # fmt: skip
        self.task = spawn("socket", scene.app(scope, self._said.get, self.sent.put))

    async def next(self):
        return await asyncio.wait_for(self.sent.get(), 5)

    async def end(self, **event):
        self._said.put_nowait(event or {"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait_for(self.task, 5)


def test_who_may_read_hears_what_happens(played):
    async def story(scene):
        token = await scene.token(Role.READ_ONLY)
        socket = Socket(scene, authorization=f"Bearer {token}")
        assert (await socket.next())["type"] == "websocket.accept"
        scene.house.news.tell(NewsKind.MEMBER_JOINED, room="4201", name="Éloïse")
        heard = json.loads((await socket.next())["text"])
        await socket.end()
        return heard

    heard = played(story)
    assert (heard["type"], heard["room"], heard["name"]) == ("member_joined", "4201", "Éloïse")


def test_nobody_else_hears_anything(played):
    async def story(scene):
        answers = []
        token = await scene.token(Role.ADMINISTRATOR)
        for headers in (
            {},
            {"authorization": "Bearer sfu_wrong"},
            {"authorization": f"Bearer {token}", "origin": "https://evil.example"},
            {"authorization": f"Bearer {token}", "host": "rebound.example"},
        ):
            socket = Socket(scene, **headers)
            answers.append((await socket.next())["type"])
            await asyncio.wait_for(socket.task, 5)
        return answers

    assert set(played(story)) <= {"websocket.close", "websocket.http.response.start"}


def test_who_speaks_here_is_in_the_wrong_place(played):
    async def story(scene):
        socket = Socket(scene, "127.0.0.1")
        await socket.next()
        await socket.end(type="websocket.receive", text="hello")
        return await socket.next()

    assert played(story)["code"] == events.POLICY


def test_who_reads_too_slowly_is_let_go(played):
    async def story(scene):
        socket = Socket(scene, "127.0.0.1")
        await socket.next()
        for _ in range(QUEUE_MAX + 2):
            scene.house.news.tell(NewsKind.MEETING_ENDED)
        while (said := await socket.next())["type"] == "websocket.send":
            pass
        await asyncio.wait_for(socket.task, 5)
        return said

    assert played(story)["code"] == events.POLICY


def test_who_may_no_longer_read_is_closed(played, monkeypatch):
    monkeypatch.setattr(events, "LOOK_AGAIN_S", 0.01)

    async def story(scene):
        token, secret = await scene.people.make_token("x", Role.READ_ONLY, "", None)
        socket = Socket(scene, authorization=f"Bearer {secret}")
        await socket.next()
        await scene.people.revoke(token.id)
        said = await socket.next()
        await asyncio.wait_for(socket.task, 5)
        return said

    assert played(story)["code"] == events.POLICY


def test_one_address_does_not_take_all(played):
    async def story(scene):
        sockets = [Socket(scene, "127.0.0.1") for _ in range(events.PER_ADDRESS_MAX + 1)]
        first = [(await socket.next())["type"] for socket in sockets]
        for socket in sockets[:-1]:
            await socket.end()
        again = Socket(scene, "127.0.0.1")
        accepted = (await again.next())["type"]
        await again.end()
        return first, accepted

    first, accepted = played(story)
    assert first == ["websocket.accept"] * events.PER_ADDRESS_MAX + ["websocket.close"]
    assert accepted == "websocket.accept"
