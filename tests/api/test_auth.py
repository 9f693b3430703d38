"""Every route says which role it takes, and takes no less: the table of docs/api.md, played."""

import re
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter

from sfu.api.app import WebSettings, create_app
from sfu.api.auth import roles_of
from sfu.model import Role
from tests.api.house import ScriptedHouse

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
NOBODY: Any = None  # routes are made here, not taken
ROUTES = roles_of(create_app(NOBODY, WebSettings()))
WORDS: dict[Role | None, str] = {None: "everybody", **{role: role.value for role in Role}}


def test_the_table_of_the_page_is_the_table_of_the_server():
    rows = re.findall(r"(?m)^\| `([A-Z]+ /api/\S+)` \| ([a-z_]+) \|", PAGE.read_text())
    assert dict(rows) == {route: WORDS[role] for route, role in ROUTES.items()}


@pytest.mark.parametrize("role", [None, *Role])
def test_each_route_takes_its_role_and_no_less(played, role):
    async def story(scene):
        token = await scene.token(role) if role else ""
        statuses = {}
        async with scene.client(token=token) as client:
            for route in ROUTES:
                verb, path = route.split()
                if verb != "WEBSOCKET":
                    path = re.sub(r"\{[a-z]+\}", "999999", path)
                    statuses[route] = (await client.request(verb, path)).status_code
        return statuses

    wrong = [
        (route, status)
        for route, status in played(story).items()
        if _refusal(ROUTES[route], role) != (status if status in (401, 403) else None)
    ]
    assert wrong == []


def _refusal(needed, role):
    """Say how somebody of this role is refused; None: he is not."""
    if needed is None:
        return None
    if role is None:
        return 401
    return None if role.covers(needed) else 403


def test_a_route_without_a_role_makes_no_application(monkeypatch):
    def careless(house, gate):
        routes = APIRouter(prefix="/api/v1")
        routes.get("/secrets")(lambda: "all of them")
        return routes

    monkeypatch.setattr("sfu.api.app.operator_routes", careless)
    with pytest.raises(LookupError, match=r"/api/v1/secrets does not say"):
        create_app(ScriptedHouse())


def test_roles_cover_those_before_them():
    assert [[one.covers(other) for other in Role] for one in Role] == [
        [True, False, False, False],
        [True, True, False, False],
        [True, True, True, False],
        [True, True, True, True],
    ]


def test_loopback_keeps_what_it_had_and_gets_no_more(played):
    async def story(scene):
        async with scene.client("127.0.0.1") as client:
            who = (await client.get("/api/v1/session")).json()
            dialled = await client.post("/api/v1/calls", json={"target": "21", "room": "4201"})
            return who, dialled.status_code, (await client.get("/api/v1/accounts")).status_code

    who, dialled, accounts = played(story)
    assert (who["account"], who["role"], who["how"]) == ("", "operator", "place")
    assert (dialled, accounts) == (201, 403)


def test_who_says_who_he_is_is_nobody_else(played):
    async def story(scene):
        token = await scene.token(Role.READ_ONLY)
        statuses = []
        for given in (token, "sfu_wrong", "", "x" * 9999):
            async with scene.client("127.0.0.1") as client:
                client.headers["authorization"] = f"Bearer {given}"
                answer = await client.delete("/api/v1/calls/9")
                statuses.append(answer.status_code)
        return statuses

    assert played(story) == [403, 401, 401, 401]  # though loopback could


@pytest.mark.parametrize(
    "given", ["Basic", "Basic !!!", "Basic bm9jb2xvbg==", "Basic /w==", "Digest x", "\xe9"]
)
def test_what_cannot_be_read_lets_nobody_in(played, given):
    async def story(scene):
        async with scene.client() as client:
            headers = {"authorization": given.encode("latin-1")}
            return (await client.get("/api/v1/rooms", headers=headers)).status_code

    assert played(story) == 401


def test_passwords_of_units_are_not_tried_without_end(played):
    async def story(scene):
        async with scene.client() as client:
            wrong = [
                (await client.get("/api/v1/rooms", auth=("ops", str(n)))).status_code
                for n in range(12)
            ]
            right = (await client.get("/api/v1/rooms", auth=("ops", "secret"))).status_code
        async with scene.client("203.0.113.77") as client:
            elsewhere = (await client.get("/api/v1/rooms", auth=("ops", "secret"))).status_code
        return wrong, right, elsewhere

    assert played(story) == ([401] * 10 + [429] * 2, 429, 200)


def test_a_page_is_not_made_to_ask_by_the_browsers_own_window(played):
    async def story(scene):
        async with scene.client() as client:
            plain = await client.get("/api/v1/rooms")
            page = await client.get("/api/v1/rooms", headers={"sec-fetch-mode": "cors"})
        return [one.headers["www-authenticate"].split()[0] for one in (plain, page)]

    assert played(story) == ["Basic", "Bearer"]
