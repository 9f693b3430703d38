"""Call scripts in virtual time: a peer's lines in, our lines and what the server is told out.

book = Playbook()
peer = Peer(book)
peer.invite(OFFER)
call = book.heard(CallOffered).call
book.order(Accept(call, ANSWER))
assert book.statuses() == [100, 200]
"""

import hashlib
import itertools
from typing import TypeVar

from sfu.model import Address, CallId
from sfu.signalling.call import CallOrder
from sfu.signalling.sip.binding import Binding, Drop, Keep, Remembered
from sfu.signalling.sip.flow import (
    Carrier,
    Connect,
    Connected,
    ConnectFailed,
    Flow,
    FlowClosed,
    Place,
    Received,
    Send,
)
from sfu.signalling.sip.guard import WrongPassword
from sfu.signalling.sip.message import Message, Request, Response, parse_message
from sfu.signalling.sip.settings import SipSettings
from sfu.signalling.sip.useragent import UserAgent

OFFER = b"v=0\r\no=a 1 1 IN IP4 192.0.2.21\r\ns=-\r\nm=audio 49170 RTP/AVP 9\r\n"
ANSWER = b"v=0\r\no=b 1 1 IN IP4 198.51.100.5\r\ns=-\r\nm=audio 20000 RTP/AVP 9\r\n"
OTHER = b"v=0\r\no=a 1 2 IN IP4 192.0.2.21\r\ns=-\r\nm=audio 49170 RTP/AVP 9\r\na=sendonly\r\n"

US = Address("198.51.100.5", 5060)
UDP = Flow(0, Carrier.UDP, US, Address("192.0.2.21", 5060))
TCP = Flow(70001, Carrier.TCP, US, Address("192.0.2.21", 25000))

Fact = TypeVar("Fact")


class Playbook:
    """The SIP core on a stage; connections it wishes for succeed if `reachable` names them."""

    def __init__(self, settings: SipSettings | None = None) -> None:
        counter, calls = itertools.count(), itertools.count(1)
        self.core = UserAgent(
            settings or SipSettings(),
            lambda n: hashlib.shake_128(str(next(counter)).encode()).digest(n),
            lambda: CallId(next(calls)),
        )
        self.now = 1000.0
        self.reachable = {Carrier.UDP}
        self.wishes: list[Connect] = []
        self.pings: list[tuple[float, Flow]] = []
        """Keep-alives sent: when, and where to."""
        self.wrong_passwords: list[WrongPassword] = []
        self.names: dict[str, list[Place]] = {}
        """What a name server would say; other names stand for themselves, a single place."""
        self._sent: list[tuple[float, Flow, Message]] = []
        self._told: list[object] = []
        self._kept: list[Keep | Drop] = []
        self._streams = itertools.count(80001)

    # what happens to us

    def receive(self, data: bytes, flow: Flow = UDP) -> None:
        self.core.handle(Received(flow, data), self.now)
        self._gather()

    def order(self, order: CallOrder) -> None:
        self.core.handle(order, self.now)
        self._gather()

    def remember(self, binding: Binding) -> None:
        self.core.handle(Remembered(binding), self.now)
        self._gather()

    def flow_closed(self, flow: Flow) -> None:
        self.core.handle(FlowClosed(flow), self.now)
        self._gather()

    def wait(self, seconds: float) -> None:
        """Let time pass, stopping at each deadline on the way."""
        until = self.now + seconds
        while (deadline := self.core.deadline) is not None and deadline <= until:
            self.now = max(self.now, deadline)
            self.core.tick(self.now)
            self._gather()
        self.now = until

    # what we did

    def sent(self) -> list[Message]:
        """Take the messages sent since last asked."""
        messages, self._sent = [message for _, _, message in self._sent], []
        return messages

    def flows(self) -> list[Flow]:
        """Look at where the messages not yet taken went."""
        return [flow for _, flow, _ in self._sent]

    def times(self) -> list[float]:
        """Look at when the messages not yet taken were sent, from now back."""
        return [round(when - self.now, 3) for when, _, _ in self._sent]

    def statuses(self) -> list[int]:
        return [message.status for message in self.sent() if isinstance(message, Response)]

    def response(self) -> Response:
        """Take what was sent; its last message is a response."""
        last = self.sent()[-1]
        assert isinstance(last, Response)
        return last

    def request(self, method: str) -> Request:
        """Take what was sent; it is one request of this method."""
        [one] = [message for message in self.sent() if isinstance(message, Request)]
        assert one.method == method
        return one

    def told(self) -> list[object]:
        """Take what the server was told since last asked."""
        told, self._told = self._told, []
        return told

    def kept(self) -> list[Keep | Drop]:
        """Take what shall, and shall no longer, be kept over a restart."""
        kept, self._kept = self._kept, []
        return kept

    def heard(self, kind: type[Fact]) -> Fact:
        """Take what the server was told; it is one fact of this kind."""
        [fact] = self.told()
        assert isinstance(fact, kind)
        return fact

    def _gather(self) -> None:
        for output in self.core.poll():
            match output:
                case Send(flow, b"\r\n\r\n"):
                    self.pings.append((self.now, flow))
                case Send(flow, data):
                    self._sent.append((self.now, flow, parse_message(data)))
                case Connect(ticket, hop):
                    self.wishes.append(output)
                    self.core.handle(self._connected(ticket, hop.carrier, output), self.now)
                case WrongPassword():
                    self.wrong_passwords.append(output)
                case Keep() | Drop():
                    self._kept.append(output)
                case _:
                    self._told.append(output)

    def _connected(
        self, ticket: int, carrier: Carrier | None, wish: Connect
    ) -> Connected | ConnectFailed:
        carrier = carrier or Carrier.UDP
        if carrier not in self.reachable:
            return ConnectFailed(ticket, "refused")
        alone = Place(carrier, Address(wish.hop.host, wish.hop.port or carrier.port))
        places = self.names.get(wish.hop.host, [alone])
        left = [place for place in places if place not in wish.avoid]
        if not left:
            return ConnectFailed(ticket, "no other place")
        number = 0 if left[0].carrier is Carrier.UDP else next(self._streams)
        return Connected(ticket, Flow(number, left[0].carrier, US, left[0].address))


class Peer:
    """The other end of one call: writes its lines as a plain, correct user agent."""

    def __init__(self, book: Playbook, flow: Flow = UDP) -> None:
        self.book = book
        self.flow = flow
        self.tag, self.call_id = "peer1", "call-1@192.0.2.21"
        self.us, self.them = "<sip:4201@198.51.100.5>", '"Salle" <sip:hdx@192.0.2.21>'
        self.target = "sip:4201@198.51.100.5"
        self.our_tag = ""
        self.cseq = 0
        self.branch = ""

    def write(
        self,
        method: str,
        body: bytes = b"",
        *,
        cseq: int | None = None,
        branch: str = "",
        extra: str = "",
        kind: str = "application/sdp",
    ) -> bytes:
        if cseq is None:
            self.cseq += method != "ACK"
            cseq = self.cseq
        self.cseq = max(self.cseq, cseq)
        self.branch = branch or f"z9hG4bK{method}{cseq}"
        carrier, remote = self.flow.carrier.upper(), self.flow.remote
        to = f"{self.us};tag={self.our_tag}" if self.our_tag else self.us
        lines = [
            f"{method} {self.target} SIP/2.0",
            f"Via: SIP/2.0/{carrier} {remote};branch={self.branch}",
            "Max-Forwards: 70",
            f"From: {self.them};tag={self.tag}",
            f"To: {to}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {cseq} {method}",
            "Contact: <sip:hdx@192.0.2.21:5060>",
            *([f"Content-Type: {kind}"] if body else []),
            *extra.splitlines(),
            f"Content-Length: {len(body)}",
        ]
        return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + body

    def ask(self, method: str, body: bytes = b"", **options: object) -> bytes:
        data = self.write(method, body, **options)  # type: ignore[arg-type]
        self.book.receive(data, self.flow)
        return data

    def invite(self, offer: bytes = OFFER, **options: object) -> bytes:
        return self.ask("INVITE", offer, **options)

    def learn(self, response: Message) -> None:
        """Take our tag from an answer."""
        self.our_tag = response.to.tag

    def ack(self, answer: bytes = b"", cseq: int | None = None) -> None:
        self.ask("ACK", answer, cseq=cseq or self.cseq, branch=f"z9hG4bKack{self.cseq}")

    def reply(
        self, request: Message, status: int, body: bytes = b"", extra: str = "", tag: str = ""
    ) -> None:
        """Answer a request of ours."""
        self.book.receive(self.response(request, status, body, extra, tag), self.flow)

    def response(
        self, request: Message, status: int, body: bytes = b"", extra: str = "", tag: str = ""
    ) -> bytes:
        to = request.get("To") or ""
        to = to if "tag=" in to or status == 100 else f"{to};tag={tag or self.tag}"
        kept = [f"{n}: {v}" for n, v in request.headers if n in ("Via", "From", "Call-ID", "CSeq")]
        lines = [
            f"SIP/2.0 {status} Whatever",
            *kept,
            f"To: {to}",
            "Contact: <sip:hdx@192.0.2.21:5060>",
            *(["Content-Type: application/sdp"] if body else []),
            *extra.splitlines(),
            f"Content-Length: {len(body)}",
        ]
        head = "\r\n".join([*lines, "", ""])
        return head.encode("utf-8", "surrogateescape") + body
