"""What administrators do with accounts, tokens and backups."""

import pytest

from sfu.model import Role
from tests.api.client import NAMES


def test_an_account_is_made_with_a_password_told_once(played):
    async def story(scene):
        async with scene.log_in(Role.ADMINISTRATOR) as client:
            wish = {"name": "Anne", "role": "organiser"}
            made = await client.post("/api/v1/accounts", json=wish)
            again = await client.post("/api/v1/accounts", json=wish)
            chosen = await client.post(
                "/api/v1/accounts", json={**wish, "name": "bruno", "password": "long enough so"}
            )
            listed = (await client.get("/api/v1/accounts")).json()
        async with scene.client() as client:
            wish = {"account": "anne", "password": made.json()["password"]}
            opened = await client.post("/api/v1/session", json=wish)
        return made, again.status_code, chosen.json(), listed, opened.json()

    made, again, chosen, listed, opened = played(story)
    assert (made.status_code, made.json()["name"], again) == (201, "anne", 409)
    assert chosen["password"] is None
    assert "password" not in listed[0]
    assert {one["name"]: one["role"] for one in listed}["anne"] == "organiser"
    assert opened["role"] == "organiser"


def test_an_account_gets_another_role_and_goes(played):
    async def story(scene):
        name = NAMES[Role.OPERATOR]
        operator, administrator = map(scene.log_in, (Role.OPERATOR, Role.ADMINISTRATOR))
        async with operator as theirs, administrator as client:
            path = f"/api/v1/accounts/{name}"
            changed = await client.patch(path, json={"role": "read_only"})
            ended = (await theirs.get("/api/v1/rooms")).status_code
            gone = [(await client.delete(path)).status_code for _ in "12"]
            unknown = (await client.patch(path, json={"role": "operator"})).status_code
            for other in ("admin", NAMES[Role.ADMINISTRATOR]):
                last = await client.delete(f"/api/v1/accounts/{other}")
        return changed.json()["role"], ended, gone, unknown, last

    role, ended, gone, unknown, last = played(story)
    assert (role, ended, gone, unknown) == ("read_only", 401, [204, 404], 404)
    assert (last.status_code, last.json()["detail"]) == (
        409,
        "administrator is the last administrator",
    )


@pytest.mark.parametrize(
    ("wish", "status"),
    [
        ({"name": "a b", "role": "operator"}, 400),
        ({"name": "anne", "role": "king"}, 422),
        ({"name": "anne", "role": "operator", "password": "short"}, 422),
        ({"name": "anne", "role": "operator", "more": 1}, 422),
        ({}, 422),
    ],
)
def test_what_cannot_be_an_account_is_refused(played, wish, status):
    async def story(scene):
        async with scene.log_in(Role.ADMINISTRATOR) as client:
            return (await client.post("/api/v1/accounts", json=wish)).status_code

    assert played(story) == status


def test_a_token_is_shown_once_and_works_until_revoked(played):
    async def story(scene):
        async with scene.log_in(Role.ADMINISTRATOR) as client:
            wish = {"name": "grafana", "role": "read_only", "days": 30}
            made = (await client.post("/api/v1/tokens", json=wish)).json()
            async with scene.client(token=made["secret"]) as program:
                works = await program.get("/api/v1/rooms")
                more = await program.post("/api/v1/calls", json={"target": "1", "room": "4201"})
                (listed,) = (await client.get("/api/v1/tokens")).json()
                path = f"/api/v1/tokens/{made['id']}"
                gone = [(await client.delete(path)).status_code for _ in "12"]
                later = await program.get("/api/v1/rooms")
        return made, works.status_code, more.status_code, listed, gone, later.status_code

    made, works, more, listed, gone, later = played(story)
    assert (works, more, gone, later) == (200, 403, [204, 404], 401)
    assert listed["name"] == "grafana"
    assert listed["made_by"] == NAMES[Role.ADMINISTRATOR]
    assert made["secret"] not in str(listed)
    assert made["expires_at"] > made["created_at"]


def test_a_token_made_by_a_token_is_of_the_same_person(played):
    async def story(scene):
        first = (await scene.people.make_token("a", Role.ADMINISTRATOR, "admin", None))[1]
        async with scene.client(token=first) as client:
            wish = {"name": "b", "role": "operator"}
            return (await client.post("/api/v1/tokens", json=wish)).json()["made_by"]

    assert played(story) == "admin"


def test_the_audit_log_tells_who_did_what_and_no_secret(played):
    async def story(scene):
        async with scene.log_in(Role.ADMINISTRATOR) as client:
            wish = {"name": "anne", "role": "operator", "password": "rosebud rosebud"}
            await client.post("/api/v1/accounts", json=wish)
            await client.patch("/api/v1/accounts/anne", json={"password": "rosebud again"})
            await client.post("/api/v1/calls", json={"target": "21", "room": "4201"})
            await client.delete("/api/v1/calls/12345")
            await client.get("/api/v1/rooms")
            lines = (await client.get("/api/v1/audit?limit=4")).json()
            more = (await client.get(f"/api/v1/audit?before={lines[-1]['id']}")).json()
        return lines, more

    lines, more = played(story)
    assert [(one["action"], one["target"], one["detail"], one["status"]) for one in lines] == [
        ("DELETE /api/v1/calls/{call}", "12345", "", 404),
        ("POST /api/v1/calls", "", "21 into 4201", 201),
        ("PATCH /api/v1/accounts/{name}", "anne", "password", 200),
        ("POST /api/v1/accounts", "", "anne operator", 201),
    ]
    assert [one["action"] for one in more] == ["POST /api/v1/session"]
    assert {one["who"] for one in lines} == {NAMES[Role.ADMINISTRATOR]}
    assert "rosebud" not in str(lines)


@pytest.mark.parametrize(
    ("file", "status"),
    [("restore-0123456789abcdef.sqlite3", 400), ("../../etc/passwd", 422), ("", 422)],
)
def test_a_backup_is_taken_from_the_data_directory_alone(played, file, status):
    async def story(scene):
        async with scene.log_in(Role.ADMINISTRATOR) as client:
            return (await client.post("/api/v1/restore", json={"file": file})).status_code

    assert played(story) == status
