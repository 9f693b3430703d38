"""Credentials of a TURN server that end by themselves (coturn's `use-auth-secret`).

The name holds the end, the password is the name under a secret both servers know: nobody is asked,
nothing is kept (draft-uberti-behave-turn-rest-00 section 2.2; coturn, `static-auth-secret`).
"""

import base64
import hmac
from dataclasses import dataclass, field

from sfu.model import MemberId


@dataclass(frozen=True, slots=True)
class TurnServer:
    """A relay browsers may go by, and what it lets in whom by."""

    urls: tuple[str, ...]
    """As RFC 7065 writes them: "turn:turn.example:3478?transport=udp", "turns:..."."""
    secret: str = field(repr=False)
    lifetime_s: int


@dataclass(frozen=True, slots=True)
class TurnCredentials:
    """What one browser shows the relay, until they end."""

    username: str
    password: str = field(repr=False)


def credentials(server: TurnServer, member: MemberId, now: float) -> TurnCredentials:
    """Make those of a member; `now` in seconds since 1970."""
    username = f"{int(now) + server.lifetime_s}:{member}"
    digest = hmac.digest(server.secret.encode(), username.encode(), "sha1")
    return TurnCredentials(username, base64.b64encode(digest).decode())
