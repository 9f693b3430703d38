"""A real provider vouches for people; it asks for the proof of RFC 7636, too."""

import base64
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import oidc_provider_mock
import werkzeug.serving

from sfu.model import Role
from sfu.shell import accounts
from sfu.shell.oidc import Issuer, Oidc

BACK = "https://127.0.0.1/api/v1/session/oidc/callback"


class Proving:
    """Stands before the provider, which does not check it: the verifier must fit the challenge."""

    def __init__(self, app: Callable[..., Any]) -> None:
        self._app = app
        self._challenge = ""

    def __call__(self, environ: Any, start: Any) -> Any:
        if environ["PATH_INFO"] == "/oauth2/authorize":
            self._challenge = dict(parse_qsl(environ["QUERY_STRING"]))["code_challenge"]
        if environ["PATH_INFO"] == "/oauth2/token":
            body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            environ["wsgi.input"] = BytesIO(body)
            verifier = parse_qs(body.decode())["code_verifier"][0]
            proof = base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=")
            if proof.decode() != self._challenge:
                start("400 Bad Request", [("content-type", "application/json")])
                return [b'{"error": "invalid_grant"}']
        return self._app(environ, start)


@contextmanager
def provider() -> Iterator[str]:
    people = [
        oidc_provider_mock.User(
            sub=f"id-{name}", claims={"preferred_username": name, "groups": groups}
        )
        for name, groups in {
            "Anne": ["dsi"], "bruno": ["visitors"], "operator": ["dsi"], "carole": ["chefs"],
        }.items()
    ]  # fmt: skip
    app = oidc_provider_mock.app(require_nonce=True, user_claims=people)
    server = werkzeug.serving.make_server("localhost", 0, Proving(app.wsgi_app), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def vouching(place: str, groups: str = "dsi") -> Oidc:
    roles = {Role.OPERATOR: frozenset({groups}), Role.ADMINISTRATOR: frozenset({"chefs"})}
    return Oidc(
        Issuer(place, "sfu", "s3cret", BACK, ("openid", "profile"), "preferred_username", "groups",
               roles)
    )  # fmt: skip


async def come(client: httpx.AsyncClient, who: str) -> httpx.Response:
    """Go to the provider's page, say who one is, and come back."""
    begun = await client.get("/api/v1/session/oidc")
    assert begun.status_code == 303, begun.text
    async with httpx.AsyncClient() as browser:
        answer = await browser.post(begun.headers["location"], data={"sub": f"id-{who}"})
    assert answer.status_code == 302, answer.text
    back = urlsplit(answer.headers["location"])
    return await client.get(f"{back.path}?{back.query}", headers={"sec-fetch-site": "cross-site"})


def test_who_is_vouched_for_is_logged_in_and_gets_an_account(played) -> None:
    async def story(scene: Any) -> Any:
        with provider() as place:
            scene.house.oidc = vouching(place)
            async with scene.client() as client:
                back = await come(client, "Anne")
                who = (await client.get("/api/v1/session")).json()
                again = await come(client, "Anne")
            async with scene.client() as client:
                await come(client, "carole")
                chief = (await client.get("/api/v1/session")).json()["role"]
            found = await scene.people.store.work(lambda c: accounts.find(c, "anne"))
            wish = {"account": "anne", "password": "whatever it may be"}
            async with scene.client() as client:
                password = await client.post("/api/v1/session", json=wish)
        lines = await scene.people.audit.lines(9)
        return back, who, again.status_code, chief, found, password.status_code, lines

    back, who, again, chief, found, password, lines = played(story)
    assert (back.status_code, back.headers["location"], again, chief) == (
        303, "/console", 303, "administrator",
    )  # fmt: skip
    assert (who["account"], who["role"], who["how"]) == ("anne", "operator", "session")
    assert found.password == ""
    assert password == 401  # there is none
    assert [one.who for one in lines if one.detail == "logged in"] == ["carole", "anne", "anne"]


def test_who_is_not_let_in_there_is_not_let_in_here(played) -> None:
    async def story(scene: Any) -> Any:
        with provider() as place:
            scene.house.oidc = vouching(place)
            async with scene.client() as client:
                answers = [await come(client, "bruno"), await come(client, "operator")]
                inside = (await client.get("/api/v1/session")).status_code
        return [(one.status_code, one.json()["detail"]) for one in answers], inside

    (stranger, taken), inside = played(story)
    assert stranger == (403, "nothing the issuer says of you lets you do anything")
    assert taken == (409, "there is an account operator already")  # of another, with a password
    assert inside == 401


def test_what_he_may_do_is_asked_each_time(played) -> None:
    async def story(scene: Any) -> Any:
        with provider() as place:
            seen = []
            for groups in ("dsi", "others"):
                scene.house.oidc = vouching(place, groups)
                async with scene.client() as client:
                    seen.append((await come(client, "Anne")).status_code)
        return seen

    assert played(story) == [303, 403]


def test_who_is_let_do_nothing_any_more_loses_session_and_tokens(played) -> None:
    async def story(scene: Any) -> Any:
        with provider() as place:
            scene.house.oidc = vouching(place, "dsi")
            async with scene.client() as before:
                await come(before, "Anne")
                inside = (await before.get("/api/v1/session")).status_code
                scene.house.oidc = vouching(place, "others")
                async with scene.client() as after:
                    await come(after, "Anne")
                return inside, (await before.get("/api/v1/session")).status_code

    assert played(story) == (200, 401)


def test_who_comes_back_must_be_who_was_sent(played) -> None:
    async def story(scene: Any) -> Any:
        with provider() as place:
            scene.house.oidc = vouching(place)
            async with scene.client() as client:
                begun = await client.get("/api/v1/session/oidc")
            state = dict(parse_qsl(urlsplit(begun.headers["location"]).query))["state"]
            async with scene.client() as other:  # a link that somebody was sent
                path = f"/api/v1/session/oidc/callback?state={state}&code=x"
                return begun, (await other.get(path)).status_code

    begun, status = played(story)
    words = {word.strip().lower() for word in begun.headers["set-cookie"].split(";")}
    assert {"httponly", "secure", "samesite=lax"} <= words
    assert status == 400


def test_where_nobody_vouches_nobody_is_sent_anywhere(played) -> None:
    async def story(scene: Any) -> Any:
        async with scene.client() as client:
            paths = ("/api/v1/session/oidc", "/api/v1/session/oidc/callback?state=a&code=b")
            missing = [(await client.get(path)).status_code for path in paths]
            scene.house.oidc = vouching("http://127.0.0.1:9")
            return missing, (await client.get(paths[0])).status_code

    assert played(story) == ([404, 404], 502)
