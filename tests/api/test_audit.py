"""Which requests are written down, and with whose name."""

from sfu.model import Role
from tests.api.client import FAR


def test_looks_are_not_written_down_and_refusals_are(played):
    async def story(scene):
        token = await scene.token(Role.READ_ONLY)
        async with scene.client(token=token) as client:
            await client.get("/api/v1/rooms")
            await client.delete("/api/v1/calls/9")
            await client.post("/api/v1/nowhere")
            await client.post("/healthz")
        async with scene.client() as client:
            await client.delete("/api/v1/calls/9")
        return await scene.people.audit.lines(9)

    assert [(one.who, one.role, one.address, one.action, one.status) for one in played(story)] == [
        ("", "", FAR, "DELETE /api/v1/calls/{call}", 401),
        ("token read_only", "read_only", FAR, "DELETE /api/v1/calls/{call}", 403),
    ]


def test_who_is_known_by_place_alone_is_named_so(played):
    async def story(scene):
        async with scene.client("127.0.0.1") as client:
            await client.post("/api/v1/members/m1/transfer", json={"target": "4202"})
        return await scene.people.audit.lines(9)

    (line,) = played(story)
    assert (line.who, line.role, line.target, line.detail) == ("place", "operator", "m1", "to 4202")
