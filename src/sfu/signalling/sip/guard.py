"""Who may: challenges with stateless nonces, and the accounts of our realm (RFC 3261 section 22).

A nonce is the time it was made and a seal over it, so a flood of challenges costs no memory::

    5f3a9c01-0b1e...  = seconds in hex - HMAC-SHA256(secret, seconds, realm), cut to 32 digits
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from sfu.errors import PeerError
from sfu.model import Address
from sfu.signalling.sip import digest
from sfu.signalling.sip.message import Header, Request
from sfu.signalling.sip.proofs import Proofs

NONCE_LIFE_S = 300

ONE_CHALLENGE = ("baresip v0", "baresip v1.")
"""User agents that give up on a second challenge whose algorithm they do not know, instead of
answering the first (seen with baresip 1.0.0 of Debian 12)."""


class Verdict(Enum):
    """What credentials are worth; stale ones are right but old, or were shown before."""

    NONE = auto()
    PROVEN = auto()
    STALE = auto()
    WRONG = auto()


@dataclass(frozen=True, slots=True)
class WrongPassword:
    """Credentials were wrong; told so that whoever guesses can be stopped."""

    source: Address


@dataclass(frozen=True, slots=True)
class Guard:
    """Checks passwords; `accounts` maps user names to passwords."""

    realm: str
    accounts: Mapping[str, str]
    secret: bytes
    proofs: Proofs = field(default_factory=lambda: Proofs(NONCE_LIFE_S))

    def judge(self, request: Request, now: float) -> tuple[Verdict, str | None]:
        """Return what the credentials for our realm are worth, and the account they prove."""
        for value in [*request.all("Authorization"), *request.all("Proxy-Authorization")]:
            try:
                fields = digest.parse(value)
            except PeerError:
                continue
            if fields.get("realm") == self.realm:
                return self._judge(fields, request, now)
        return Verdict.NONE, None

    def challenges(self, now: float, stale: bool, model: str = "") -> list[Header]:
        """Return one WWW-Authenticate per algorithm; stale: right password, old nonce."""
        single = model.lower().startswith(ONE_CHALLENGE)
        names = list(digest.ALGORITHMS)[:1] if single else list(digest.ALGORITHMS)
        nonce = self._nonce(now)
        return [
            ("WWW-Authenticate", digest.write_challenge(self.realm, nonce, name, stale))
            for name in names
        ]

    def _judge(
        self, fields: Mapping[str, str], request: Request, now: float
    ) -> tuple[Verdict, str | None]:
        user = fields.get("username", "")
        # RFC 3261 does not say whether the domain belongs to the user name: both are in use
        account = user if user in self.accounts else user.partition("@")[0]
        password = self.accounts.get(account)
        made = self._made(fields.get("nonce", ""))
        if made is None:
            return Verdict.STALE, None  # not ours, or from before a restart: try again
        try:
            known = password is not None
            right = digest.check(fields, password or "", self.realm, request.method, request.body)
        except PeerError:
            return Verdict.WRONG, None
        if not (known and right):
            return Verdict.WRONG, None
        if not 0 <= now - made + 1 <= NONCE_LIFE_S:
            return Verdict.STALE, None
        shown = fields.get("nonce", ""), fields.get("response", "").lower()
        if fields.get("qop") and not self.proofs.fresh(*shown, now):
            return Verdict.STALE, None
        return Verdict.PROVEN, account

    def _nonce(self, now: float) -> str:
        stamp = f"{int(now):x}"
        return f"{stamp}-{self._seal(stamp)}"

    def _made(self, nonce: str) -> int | None:
        stamp, _, seal = nonce.partition("-")
        try:
            good = hmac.compare_digest(seal.encode(), self._seal(stamp).encode())
            return int(stamp, 16) if good else None
        except ValueError:
            return None

    def _seal(self, stamp: str) -> str:
        text = f"{stamp}\n{self.realm}".encode("utf-8", "surrogateescape")
        return hmac.new(self.secret, text, hashlib.sha256).hexdigest()[:32]
