"""OpenID Connect: an issuer vouches for people, by the authorization code flow with PKCE.

::

    begin  --> its page, with state, nonce, challenge        (OpenID Connect Core 1.0, RFC 7636)
    finish <-- code --> token endpoint, with the verifier --> id_token --> checked --> Visitor

What is checked of an id_token: its signature by the issuer's keys, issuer, audience, times, nonce.
What somebody may do is said by a claim, each time he comes.
"""

import asyncio
import base64
import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import quote, urlencode

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from sfu.errors import PeerError
from sfu.model import Role
from sfu.shell.ask import ask

PENDING_S = 600.0
"""So long one may take to log in there."""
PENDING_MAX = 1000
KNOWN_S = 3600.0
"""How long addresses and keys of the issuer are taken for granted."""
LEEWAY_S = 60
ALGORITHMS = ["RS256", "PS256", "ES256", "RS384", "ES384", "RS512", "ES512", "EdDSA"]
"""Signatures by keys alone: with an HMAC our own secret would be the key."""

Ask = Callable[[str, bytes | None, Mapping[str, str]], tuple[int, bytes]]


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who vouches, and what its word means here."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    redirect_url: str
    scopes: Sequence[str]
    name_claim: str
    role_claim: str
    roles: Mapping[Role, frozenset[str]]
    """What values of `role_claim` give a role."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who was vouched for."""

    name: str
    subject: str
    role: Role | None
    """None: nothing that was said of him lets him do anything."""


@dataclass(frozen=True, slots=True)
class _Pending:
    nonce: str
    verifier: str
    until: float


class Oidc:
    """Sends people to the issuer and reads what it says of them."""

    def __init__(self, issuer: Issuer, fetch: Ask = ask, clock: Callable[[], float] = time.time):
        """Trust this issuer; `clock` gives seconds since 1970."""
        self._issuer, self._fetch, self._clock = issuer, fetch, clock
        self._pending: dict[str, _Pending] = {}
        self._known: tuple[float, dict[str, Any], KeySet] | None = None

    async def begin(self) -> tuple[str, str]:
        """Give the address of the issuer's page, and the state that the browser must bring back."""
        places, _ = await self._places()
        now = self._clock()
        self._pending = {s: one for s, one in self._pending.items() if one.until > now}
        if len(self._pending) >= PENDING_MAX:
            del self._pending[next(iter(self._pending))]
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        self._pending[state] = _Pending(nonce, verifier, now + PENDING_S)
        challenge = base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=")
        query = urlencode(
            {
                "response_type": "code",
                "client_id": self._issuer.client_id,
                "redirect_uri": self._issuer.redirect_url,
                "scope": " ".join(self._issuer.scopes),
                "state": state,
                "nonce": nonce,
                "code_challenge": challenge.decode(),
                "code_challenge_method": "S256",
            }
        )
        page = str(places["authorization_endpoint"])
        return f"{page}{'&' if '?' in page else '?'}{query}", state

    async def finish(self, state: str, code: str) -> Visitor:
        """Read who came back; PeerError says why nobody did."""
        pending = self._pending.pop(state, None)
        if pending is None or pending.until <= self._clock():
            raise PeerError("this login was not begun here, or too long ago")
        places, _ = await self._places()
        answer = await self._get(
            str(places["token_endpoint"]),
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self._issuer.redirect_url,
                "client_id": self._issuer.client_id,
                "code_verifier": pending.verifier,
            },
        )
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise PeerError("the issuer gave no id_token")
        return self._visitor(await self._claims(token, pending.nonce))

    async def _claims(self, token: str, nonce: str) -> dict[str, Any]:
        places, keys = await self._places()
        try:
            read = jwt.decode(token, keys, algorithms=ALGORITHMS)
        except (JoseError, ValueError):
            places, keys = await self._places(anew=True)  # it may have changed its keys
            try:
                read = jwt.decode(token, keys, algorithms=ALGORITHMS)
            except (JoseError, ValueError) as error:
                raise PeerError("the id_token is not signed by the issuer") from error
        client = self._issuer.client_id
        demanded = jwt.JWTClaimsRegistry(
            now=int(self._clock()),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": places["issuer"]},
            aud={"essential": True, "value": client},
            sub={"essential": True},
            exp={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            demanded.validate(read.claims)
        except JoseError as error:
            raise PeerError(f"the id_token is not for us: {error}") from error
        if read.claims.get("azp", client) != client:
            raise PeerError("the id_token is for another")
        return dict(read.claims)

    def _visitor(self, claims: Mapping[str, Any]) -> Visitor:
        said = claims.get(self._issuer.role_claim)
        values = set(map(str, said)) if isinstance(said, list) else {str(said)}
        fitting = [role for role in Role if self._issuer.roles.get(role, frozenset()) & values]
        name = claims.get(self._issuer.name_claim) or claims["sub"]
        role = fitting[-1] if fitting else None
        return Visitor(str(name), f"{self._issuer.issuer} {claims['sub']}", role)

    async def _places(self, *, anew: bool = False) -> tuple[dict[str, Any], KeySet]:
        """Give the issuer's addresses and keys (OpenID Connect Discovery 1.0)."""
        if self._known is not None and not anew and self._known[0] > self._clock():
            return self._known[1:]
        issuer = self._issuer.issuer
        places = await self._get(issuer.rstrip("/") + "/.well-known/openid-configuration")
        if places.get("issuer") != issuer:
            raise PeerError(f"the issuer calls itself {places.get('issuer')!r}, not {issuer!r}")
        if not {"authorization_endpoint", "token_endpoint", "jwks_uri"} <= places.keys():
            raise PeerError("the issuer does not say where it is asked")
        try:
            keys = KeySet.import_key_set(await self._get(str(places["jwks_uri"])))  # type: ignore[arg-type]
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise PeerError("the issuer's keys cannot be read") from error
        self._known = (self._clock() + KNOWN_S, places, keys)
        return places, keys

    async def _get(self, url: str, form: dict[str, str] | None = None) -> dict[str, Any]:
        """Ask the issuer for an object of JSON, as its client where there is a form."""
        headers, body = {"accept": "application/json"}, None
        if form is not None:
            body = urlencode(form).encode()
            headers["content-type"] = "application/x-www-form-urlencoded"
            if self._issuer.client_secret:  # RFC 6749 section 2.3.1
                pair = f"{quote(self._issuer.client_id)}:{quote(self._issuer.client_secret)}"
                headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        try:
            status, answer = await asyncio.to_thread(self._fetch, url, body, headers)
            found = json.loads(answer)
        except (OSError, ValueError) as error:
            raise PeerError(f"the issuer does not answer: {error}", status=502) from error
        if status != 200 or not isinstance(found, dict):
            said = found.get("error", "") if isinstance(found, dict) else ""
            raise PeerError(f"the issuer refuses ({status} {str(said)[:80]})")
        return found
