"""Logging in by cookie: what the cookie is like, who is let try, what ends it."""

import asyncio
import json

import pytest

from sfu.api.auth import COOKIE
from sfu.model import Role
from tests.api.client import FAR, NAMES, PASSWORD

ANNE = {"account": NAMES[Role.OPERATOR], "password": PASSWORD}


def test_who_logs_in_is_let_in_until_he_logs_out(played):
    async def story(scene):
        async with scene.client() as client:
            before = (await client.get("/api/v1/rooms")).status_code
            opened = await client.post("/api/v1/session", json=ANNE)
            who = (await client.get("/api/v1/session")).json()
            inside = (await client.get("/api/v1/rooms")).status_code
            cookie = client.cookies[COOKIE]
            closed = await client.delete("/api/v1/session")
            after = (await client.get("/api/v1/rooms")).status_code
        async with scene.client() as client:  # a copy that was kept is worth nothing
            copy = await client.get("/api/v1/rooms", headers={"cookie": f"{COOKIE}={cookie}"})
        return before, opened, who, inside, closed.status_code, after, copy.status_code

    before, opened, who, inside, closed, after, copy = played(story)
    assert (before, opened.status_code, inside, closed, after, copy) == (
        401,
        200,
        200,
        204,
        401,
        401,
    )
    assert (who["account"], who["role"], who["how"]) == ("operator", "operator", "session")
    words = {word.strip().lower() for word in opened.headers["set-cookie"].split(";")}
    assert {"httponly", "secure", "samesite=strict", "path=/"} <= words
    assert not any(word.startswith("domain") for word in words)


def test_another_page_cannot_use_the_cookie(played):
    async def story(scene):
        async with scene.log_in(Role.OPERATOR) as client:
            foreign = {"origin": "https://evil.example"}
            own = {"origin": "https://127.0.0.1"}
            return [
                (await client.delete("/api/v1/calls/9", headers=headers)).status_code
                for headers in (foreign, {"origin": "null"}, own)
            ] + [(await client.post("/api/v1/session", json=ANNE, headers=foreign)).status_code]

    assert played(story) == [403, 403, 204, 403]


@pytest.mark.parametrize("account", ["operator", "nobody", "operator'--", "a\0b", "\ud800"])
def test_a_wrong_login_says_nothing_of_what_was_wrong(played, account):
    async def story(scene):
        async with scene.client() as client:
            wish = {"account": account, "password": "not the right one"}
            headers = {"content-type": "application/json"}
            answer = await client.post("/api/v1/session", content=json.dumps(wish), headers=headers)
            return answer.status_code, answer.text

    status, text = played(story)
    assert status in (401, 422)
    assert "not the right one" not in text
    if status == 401:
        assert text == '{"detail":"no such account, or another password"}'


def test_an_address_is_let_try_ten_times_a_minute_also_all_at_once(played):
    async def story(scene):
        async with scene.client() as client:
            wrong = {**ANNE, "password": "not the right one"}
            tries = [client.post("/api/v1/session", json=wrong) for _ in range(14)]
            statuses = [one.status_code for one in await asyncio.gather(*tries)]
            right = await client.post("/api/v1/session", json=ANNE)
        async with scene.client("203.0.113.77") as client:
            elsewhere = await client.post("/api/v1/session", json=ANNE)
        return sorted(statuses), right, elsewhere.status_code

    statuses, right, elsewhere = played(story)
    assert statuses == [401] * 10 + [429] * 4
    assert (right.status_code, right.headers["retry-after"], elsewhere) == (429, "60", 200)


def test_who_logs_in_rightly_all_day_is_not_taken_for_a_guesser(played):
    async def story(scene):
        async with scene.client() as client:
            return [
                (await client.post("/api/v1/session", json=ANNE)).status_code for _ in range(12)
            ]

    assert played(story) == [200] * 12


def test_ones_own_password_is_changed_by_who_knows_it(played):
    async def story(scene):
        async with scene.log_in(Role.READ_ONLY) as client:

            async def change(old, new):
                wish = {"old": old, "new": new}
                answer = await client.put("/api/v1/session/password", json=wish)
                return answer.status_code

            statuses = [
                await change("not the right one", "an even longer one"),
                await change(PASSWORD, "short"),
                await change(PASSWORD, "an even longer one"),
                (await client.get("/api/v1/session")).status_code,
            ]
            wish = {"account": NAMES[Role.READ_ONLY], "password": "an even longer one"}
            statuses.append((await client.post("/api/v1/session", json=wish)).status_code)
        async with scene.client("127.0.0.1") as client:
            wish = {"old": PASSWORD, "new": PASSWORD}
            answer = await client.put("/api/v1/session/password", json=wish)
            return [*statuses, answer.status_code]

    assert played(story) == [400, 422, 204, 401, 200, 400]


def test_logins_right_and_wrong_stand_in_the_audit_log_without_passwords(played):
    async def story(scene):
        async with scene.client() as client:
            await client.post("/api/v1/session", json={**ANNE, "password": "not the right one"})
            await client.post("/api/v1/session", json=ANNE)
        return await scene.people.audit.lines(9)

    lines = played(story)
    assert [(one.who, one.status, one.address, one.detail) for one in lines] == [
        ("operator", 200, FAR, "as operator"),
        ("", 401, FAR, "as operator"),
    ]
    assert "right one" not in str(lines)
    assert PASSWORD not in str(lines)


def test_old_passwords_are_guessed_no_faster_all_at_once(played):
    async def story(scene):
        async with scene.log_in(Role.READ_ONLY) as client:
            wish = {"old": "not the right one", "new": "an even longer one"}
            tries = [client.put("/api/v1/session/password", json=wish) for _ in range(14)]
            return sorted(one.status_code for one in await asyncio.gather(*tries))

    assert played(story) == [400] * 10 + [429] * 4
