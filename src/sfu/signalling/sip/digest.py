"""Digest authentication (RFC 3261 section 22, RFC 7616, RFC 8760; RFC 2069 without qop).

Pure functions: `parse` and `write` header values, `prove` as client, `check` as server.

::

    HA1 = H(user:realm:password)      HA2 = H(method:uri)
    response = H(HA1:nonce:HA2)                        without qop
    response = H(HA1:nonce:nc:cnonce:auth:HA2)         with qop=auth
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

from sfu.errors import PeerError
from sfu.signalling.sip.text import parse_params, quote, split, unquote

ALGORITHMS = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}
"""Weakest first; offered in this order, as old units read only the first challenge."""

MAX_VALUE = 1024
_UNQUOTED = ("algorithm", "stale", "nc", "qop")


@dataclass(frozen=True, slots=True)
class Secret:
    """What proves a name in a realm."""

    user: str
    password: str = field(repr=False)
    realm: str = ""
    """Realm it may be shown to; "" for any."""


def parse(value: str) -> dict[str, str]:
    """Read a challenge or credentials; the scheme must be Digest."""
    scheme, _, rest = value.strip().partition(" ")
    if scheme.lower() != "digest":
        raise PeerError("not Digest authentication", status=401)
    fields: dict[str, str] = {}
    for part in split(rest, ","):
        for name, text in parse_params(part):
            if text is not None and len(text) <= MAX_VALUE:
                fields.setdefault(name, unquote(text))
    return fields


def write_challenge(realm: str, nonce: str, algorithm: str, stale: bool) -> str:
    """Write a WWW-Authenticate value."""
    tail = ", stale=true" if stale else ""
    return (
        f"Digest realm={quote(realm)}, nonce={quote(nonce)}, algorithm={algorithm}, "
        f'qop="auth"{tail}'
    )


def response_of(
    fields: Mapping[str, str], user: str, realm: str, password: str, method: str, body: bytes
) -> str:
    """Compute the response that fields of credentials should carry."""
    algorithm = fields.get("algorithm", "MD5").upper()
    plain, session = algorithm.removesuffix("-SESS"), algorithm.endswith("-SESS")
    if plain not in ALGORITHMS:
        raise PeerError("unknown digest algorithm", status=401)

    def h(text: str) -> str:
        return ALGORITHMS[plain](text.encode("utf-8", "surrogateescape")).hexdigest()

    nonce, cnonce, qop = fields.get("nonce", ""), fields.get("cnonce", ""), fields.get("qop", "")
    ha1 = h(f"{user}:{realm}:{password}")
    if session:
        ha1 = h(f"{ha1}:{nonce}:{cnonce}")
    ha2 = f"{method}:{fields.get('uri', '')}"
    if qop.lower() == "auth-int":
        ha2 += ":" + ALGORITHMS[plain](body).hexdigest()
    if not qop:
        return h(f"{ha1}:{nonce}:{h(ha2)}")
    return h(f"{ha1}:{nonce}:{fields.get('nc', '')}:{cnonce}:{qop}:{h(ha2)}")


def check(fields: Mapping[str, str], password: str, realm: str, method: str, body: bytes) -> bool:
    """Tell whether credentials prove the password."""
    expected = response_of(fields, fields.get("username", ""), realm, password, method, body)
    given = fields.get("response", "").lower()
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogateescape"))


def prove(
    challenges: list[str], secret: Secret, method: str, uri: str, body: bytes, cnonce: str
) -> str | None:
    """Return credentials for the strongest challenge we can answer, None for none."""
    best = pick(challenges, secret)
    return None if best is None else answer(best, secret, method, uri, body, cnonce)


def pick(challenges: list[str], secret: Secret) -> dict[str, str] | None:
    """Return the strongest challenge that this secret can answer, None for none."""
    best: dict[str, str] | None = None
    order = list(ALGORITHMS)
    for value in challenges:
        try:
            fields = parse(value)
        except PeerError:
            continue
        name = fields.get("algorithm", "MD5").upper().removesuffix("-SESS")
        mine = secret.realm in ("", fields.get("realm", ""))
        if mine and name in order and (best is None or order.index(name) > _rank(best)):
            best = fields
    return best


def _rank(fields: Mapping[str, str]) -> int:
    return list(ALGORITHMS).index(fields.get("algorithm", "MD5").upper().removesuffix("-SESS"))


def answer(
    challenge: Mapping[str, str],
    secret: Secret,
    method: str,
    uri: str,
    body: bytes,
    cnonce: str,
    count: int = 1,
) -> str:
    """Write credentials; `count` says how often this nonce has been used, this time included."""
    realm = challenge.get("realm", "")
    fields = {
        "username": secret.user,
        "realm": realm,
        "nonce": challenge.get("nonce", ""),
        "uri": uri,
    }
    if "algorithm" in challenge:
        fields["algorithm"] = challenge["algorithm"]
    offered = [item.strip().lower() for item in challenge.get("qop", "").split(",")]
    qop = next((item for item in ("auth", "auth-int") if item in offered), "")
    if qop:
        fields |= {"qop": qop, "nc": f"{count:08x}"}
    if qop or fields.get("algorithm", "").upper().endswith("-SESS"):
        fields["cnonce"] = cnonce
    fields["response"] = response_of(fields, secret.user, realm, secret.password, method, body)
    if "opaque" in challenge:
        fields["opaque"] = challenge["opaque"]
    return "Digest " + ", ".join(
        f"{name}={text if name in _UNQUOTED else quote(text)}" for name, text in fields.items()
    )
