"""What an issuer says is taken when it is its word, to us, now, in answer to what we asked."""

import asyncio
import base64
import json
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey

from sfu.errors import PeerError
from sfu.model import Role
from sfu.shell.oidc import PENDING_S, Issuer, Oidc

NOW = 1_800_000_000.0
PLACE = "https://id.example"
KEY, OTHER = (ECKey.generate_key("P-256", {"kid": kid}) for kid in ("a", "b"))
SECRET = "the secret of the client"


def issuer(**more):
    facts = {
        "issuer": PLACE, "client_id": "sfu", "client_secret": SECRET,
        "redirect_url": "https://sfu.example/back", "scopes": ("openid",),
        "name_claim": "preferred_username", "role_claim": "groups",
        "roles": {
            Role.ADMINISTRATOR: frozenset({"admins"}), Role.OPERATOR: frozenset({"ops", "dsi"}),
        },
    }  # fmt: skip
    return Issuer(**(facts | more))


class Far:
    """An issuer by script: gives the token it is told to, and remembers what it was asked."""

    def __init__(self, make):
        self.make, self.asked = make, []
        self.keys: list[Any] = [KEY]
        self.challenge = self.nonce = ""

    def __call__(self, url, body, headers):
        self.asked.append(url)
        path = urlsplit(url).path
        if path == "/.well-known/openid-configuration":
            return 200, json.dumps(
                {
                    "issuer": PLACE,
                    "authorization_endpoint": f"{PLACE}/authorize?tenant=1",
                    "token_endpoint": f"{PLACE}/token",
                    "jwks_uri": f"{PLACE}/keys",
                }
            ).encode()
        if path == "/keys":
            return 200, json.dumps(KeySet(self.keys).as_dict(private=False)).encode()
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        pair = base64.b64encode(f"sfu:{SECRET}".replace(" ", "%20").encode()).decode()
        assert headers["authorization"] == f"Basic {pair}"
        proof = base64.urlsafe_b64encode(sha256(form["code_verifier"].encode()).digest())
        if proof.rstrip(b"=").decode() != self.challenge:
            return 400, b'{"error": "invalid_grant"}'
        return 200, json.dumps({"id_token": self.make(self.nonce)}).encode()


def claims(asked, **more):
    facts = {"iss": PLACE, "aud": "sfu", "sub": "42", "exp": NOW + 60, "iat": NOW, "nonce": asked,
             "preferred_username": "anne", "groups": ["dsi"]}  # fmt: skip
    return {key: value for key, value in (facts | more).items() if value is not None}


def token(asked, key=KEY, alg="ES256", **more):
    return jwt.encode({"alg": alg, "kid": key.kid}, claims(asked, **more), key, algorithms=[alg])


def played(make, *, later=0.0, state=None, known=None, before=lambda far: None):
    """Log in; give who it is."""

    async def story():
        clock = [NOW]
        far = Far(make)
        oidc = Oidc(known or issuer(), far, lambda: clock[0])
        page, given = await oidc.begin()
        query = {name: values[0] for name, values in parse_qs(urlsplit(page).query).items()}
        assert (query["tenant"], query["state"]) == ("1", given)
        assert query["code_challenge_method"] == "S256"
        far.challenge, far.nonce = query["code_challenge"], query["nonce"]
        before(far)
        clock[0] += later
        return await oidc.finish(state or given, "code")

    return asyncio.run(story())


def test_who_is_vouched_for_has_a_name_and_a_role():
    visitor = played(token)
    assert (visitor.name, visitor.role) == ("anne", Role.OPERATOR)
    assert visitor.subject == "https://id.example 42"


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        (["ops", "admins"], Role.ADMINISTRATOR),
        ("admins", Role.ADMINISTRATOR),
        (["dsi"], Role.OPERATOR),
    ],
)
def test_the_highest_of_his_roles_counts(groups, role):
    assert played(lambda nonce: token(nonce, groups=groups)).role is role


@pytest.mark.parametrize("groups", [[], ["visitors"], None, 7, [["admins"]]])
def test_who_belongs_to_nothing_listed_has_no_role(groups):
    assert played(lambda nonce: token(nonce, groups=groups)).role is None


@pytest.mark.parametrize(
    "make",
    [
        lambda nonce: token(nonce, iss="https://evil.example"),
        lambda nonce: token(nonce, aud="another"),
        lambda nonce: token(nonce, aud=["sfu", "x"], azp="x"),
        lambda nonce: token(nonce, exp=NOW - 120),
        lambda nonce: token(nonce, exp=None),
        lambda nonce: token(nonce, sub=None),
        lambda nonce: token(nonce, nonce="of another login"),
        lambda nonce: token(nonce, nonce=None),
        lambda nonce: token(nonce, OTHER),
        lambda nonce: token(nonce, OctKey.import_key(SECRET, {"kid": "a"}), "HS256"),
        lambda nonce: token(nonce)[:-6] + "AAAAAA",
        lambda nonce: "eyJhbGciOiJub25lIn0." + token(nonce).split(".")[1] + ".",
        lambda nonce: "nonsense",
        lambda nonce: 7,
    ],
)
def test_what_is_not_its_word_to_us_now_is_refused(make):
    with pytest.raises(PeerError):
        played(make)


def test_a_new_key_of_the_issuer_is_fetched_once():
    def change(far):
        far.keys = [OTHER]

    assert played(lambda nonce: token(nonce, OTHER), before=change).name == "anne"


@pytest.mark.parametrize("more", [{"state": "of nobody"}, {"later": PENDING_S}])
def test_a_login_that_was_not_begun_here_is_not_ended_here(more):
    with pytest.raises(PeerError, match="not begun here"):
        played(token, **more)


def test_a_stolen_code_is_worth_nothing_without_the_verifier():
    def steal(far):
        far.challenge = "of another"

    with pytest.raises(PeerError, match=r"refuses \(400 invalid_grant\)"):
        played(token, before=steal)


@pytest.mark.parametrize(
    "answer",
    [OSError("refused"), (500, b"{}"), (200, b"[]"), (200, b"\xff"), (200, b"{}"),
     (200, b'{"issuer": "https://evil.example"}'), (200, b'{"issuer": "https://id.example"}')],
)  # fmt: skip
def test_an_issuer_that_makes_no_sense_is_said_to(answer):
    def far(url, body, headers):
        if isinstance(answer, Exception):
            raise answer
        return answer

    with pytest.raises(PeerError):
        asyncio.run(Oidc(issuer(), far).begin())


def test_secrets_are_not_shown():
    assert SECRET not in repr(issuer())
