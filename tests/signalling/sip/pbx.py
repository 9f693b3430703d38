"""A PBX on stage: what answers our REGISTER, and the trunk that leads to it."""

import hashlib

from sfu.model import Address
from sfu.signalling.sip.digest import Secret, check, parse, write_challenge
from sfu.signalling.sip.flow import Carrier, Flow, Hop, Place
from sfu.signalling.sip.message import Request
from sfu.signalling.sip.settings import SipSettings
from sfu.signalling.sip.trunk import TrunkSetting
from sfu.signalling.sip.useragent import Start
from tests.playbook import US, Playbook

FIRST = Place(Carrier.UDP, Address("192.0.2.71", 5060))
SECOND = Place(Carrier.UDP, Address("192.0.2.72", 5060))
PASSWORD = "geheim"
TRUNK = TrunkSetting(
    name="pbx",
    registrar=Hop("pbx.example", None, None),
    user="visio",
    secret=Secret("visio", PASSWORD),
    room="4201",
    numbers=frozenset({"33384123456"}),
    probe_s=4000.0,
)


def way(place: Place = FIRST) -> Flow:
    return Flow(0, place.carrier, US, place.address)


class Pbx:
    """A registrar with digest at some places; it answers when told to."""

    def __init__(self, *trunks: TrunkSetting, places: tuple[Place, ...] = (FIRST, SECOND)) -> None:
        self.book = Playbook(SipSettings(trunks=trunks or (TRUNK,)))
        self.book.names = {"pbx.example": list(places)}
        self.nonce = "n1"
        self.to = FIRST
        self.book.core.handle(Start(), self.book.now)
        self.book._gather()

    def asked(self, method: str = "REGISTER") -> Request:
        """Take the one request that we sent, perhaps more than once, with where it went."""
        flows, sent = self.book.flows(), self.book.sent()
        assert len({message.to_bytes() for message in sent}) == 1
        [request] = sent[-1:]
        assert isinstance(request, Request)
        assert request.method == method
        self.to = flows[-1].place
        return request

    def answer(
        self, request: Request, status: int, extra: str = "", flow: Flow | None = None
    ) -> None:
        kept = [f"{n}: {v}" for n, v in request.headers if n in ("Via", "From", "Call-ID", "CSeq")]
        lines = [
            f"SIP/2.0 {status} Whatever",
            *kept,
            f"To: {request.get('To')};tag=reg{status}",
            *extra.splitlines(),
            "Content-Length: 0",
        ]
        data = "\r\n".join([*lines, "", ""]).encode()
        self.book.receive(data, flow or way(self.to))

    def challenge(self, request: Request, *, stale: bool = False, proxy: bool = False) -> None:
        self.nonce = hashlib.sha256(self.nonce.encode()).hexdigest()[:8]
        name = "Proxy-Authenticate" if proxy else "WWW-Authenticate"
        value = write_challenge("pbx", self.nonce, "MD5", stale)
        self.answer(request, 407 if proxy else 401, f"{name}: {value}")

    def grant(self, request: Request, expires: int = 3600, extra: str = "") -> None:
        contact = f"{request.get('Contact')};expires={expires}"
        self.answer(request, 200, f"Contact: {contact}\n{extra}".strip())

    def proves(self, request: Request, header: str = "Authorization") -> str:
        """Check its credentials; return the count of the nonce."""
        fields = parse(request.get(header) or "")
        assert fields["nonce"] == self.nonce
        assert check(fields, PASSWORD, "pbx", request.method, b"")
        return fields["nc"]

    def register(self, expires: int = 3600, extra: str = "") -> Request:
        """Play a whole registration; return the request that was granted."""
        self.challenge(self.asked())
        request = self.asked()
        self.grant(request, expires, extra)
        return request
