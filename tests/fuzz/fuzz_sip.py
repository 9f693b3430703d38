"""Mutates whole SIP dialogues and feeds them to the parser, the framer and the core.

    python tests/fuzz/fuzz_sip.py SECONDS [SEED]

Prints how many inputs were run.  The core must raise nothing, the parser nothing but `PeerError`;
anything else ends it with status 1 and leaves the last message in `crash.sip`.
"""

import random
import sys
import time
from ipaddress import ip_network
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from sfu.errors import PeerError
from sfu.model import CallId
from sfu.signalling.call import (
    Accept,
    AnswerMedia,
    AskPicture,
    CallOffered,
    Dial,
    HangUp,
    MediaOffered,
    OfferMedia,
    Probe,
    Reject,
    Ring,
    TellTransfer,
    Transfer,
    TransferWanted,
)
from sfu.signalling.sip.binding import Keep
from sfu.signalling.sip.digest import Secret
from sfu.signalling.sip.flow import Carrier
from sfu.signalling.sip.framing import Framer
from sfu.signalling.sip.message import Request, parse_message
from sfu.signalling.sip.settings import SipSettings
from tests.playbook import ANSWER, OFFER, OTHER, TCP, UDP, Peer, Playbook

EXTRAS = (
    "Session-Expires: 90;refresher=uac\nSupported: timer",
    "Session-Expires: 90\nAllow: INVITE, UPDATE",
    "Require: timer, 100rel",
    "Record-Route: <sip:p@192.0.2.3;transport=tls;lr>, <sip:q@192.0.2.4>",
    'Authorization: Digest username="a", realm="sfu", nonce="5-6", response="7", qop=auth',
    'WWW-Authenticate: Digest realm="x", nonce="n", qop="auth,auth-int", algorithm=SHA-256',
    "Expires: 300",
    'Contact: "x" <sip:a@[2001:db8::1]:5062;transport=tcp>;expires=60, *',
    'Reason: SIP;cause=200;text="x"',
    "Supported: gruu, outbound\nExpires: 120",
    'Contact: <sip:a@192.0.2.21>;reg-id=1;+sip.instance="<urn:x>"\nSupported: gruu, outbound',
    "Refer-To: <sip:4202@198.51.100.5;method=INVITE?Replaces=x>\nReferred-By: <sip:a@b>;cid=x",
    "Refer-To: sip:x@y\nRefer-Sub: false\nRequire: norefersub",
    "Event: refer;id=2\nSubscription-State: terminated;reason=noresource",
    "Require: 100rel\nRSeq: 1",
    "Replaces: call-1@192.0.2.21;to-tag=a;from-tag=peer1;early-only",
    "Min-SE: 600\nSession-Expires: 90",
    "",
)
BODIES = (
    b"",
    OFFER,
    OTHER,
    b"Signal=5\r\n",
    b"<picture_fast_update/>",
    b"--b\r\n\r\nv=0\r\n--b--",
    b"SIP/2.0 200 OK",
)
KINDS = (
    "application/sdp",
    "application/dtmf-relay",
    "application/media_control+xml",
    "multipart/mixed;boundary=b",
    "message/sipfrag;version=2.0",
)
METHODS = (
    *("INVITE", "ACK", "BYE", "CANCEL", "INFO", "UPDATE", "OPTIONS", "REGISTER", "PRACK"),
    *("REFER", "NOTIFY"),
)
WORDS = (
    *(b"\r\n", b"\n ", b",", b";", b'"', b"<", b">", b":", b"@", b"=", b"%", b"\0", b"\xe9", b"0"),
    *(b"4294967296", b"-1", b"SIP/2.0", b"sip:", b"tag=", b"branch=z9hG4bK", b"[::"),
)
SETTINGS = SipSettings(
    accounts={"a": "b"}, secrets=(Secret("u", "p"),), max_early=8, max_calls=20, ring_s=20
)
OPEN = SipSettings(networks=(ip_network("192.0.2.0/24"),), max_early=8, max_calls=20, ring_s=20)
TORTURE = [
    path.read_bytes()
    for path in sorted((Path(__file__).resolve().parents[1] / "vectors/rfc4475").glob("*.dat"))
]


class Story:
    """One dialogue; each step may be mutated."""

    def __init__(self, dice: random.Random) -> None:
        """Begin on an empty stage."""
        self.dice = dice
        self.book = Playbook(dice.choice((SETTINGS, OPEN)))
        self.book.reachable = set(dice.sample(list(Carrier), dice.randint(0, 3)))
        self.peer = Peer(self.book, dice.choice((UDP, TCP)))
        self.framer = Framer()
        self.inputs = 0
        self.last = b""

    def step(self) -> None:
        """Do one thing, right or wrong."""
        for kept in self.book.kept():
            if isinstance(kept, Keep) and self.dice.random() < 0.1:
                self.book.remember(kept.binding)
        match self.dice.randrange(9):
            case 8:
                self.book.flow_closed(self.peer.flow)
            case 0:
                self.book.wait(self.dice.choice((0.1, 0.6, 5.0, 33.0, 100.0)))
            case 1:
                self._order()
            case 2 | 3:
                self._answer()
            case _:
                self._ask()
        for event in self.book.told():
            self._react(event)

    def _ask(self) -> None:
        dice = self.dice
        if dice.random() < 0.1:
            self._feed(dice.choice(TORTURE))
            return
        method = dice.choice(METHODS if dice.random() < 0.7 else ("INVITE", "ACK"))
        branch = self.peer.branch if dice.random() < 0.2 else ""
        data = self.peer.write(
            method,
            dice.choice(BODIES),
            cseq=self.peer.cseq if method in ("ACK", "CANCEL") else None,
            branch=branch,
            extra=dice.choice(EXTRAS),
            kind=dice.choice(KINDS),
        )
        self._feed(data)

    def _answer(self) -> None:
        """Answer what we were asked last, or learn our tag from what we were told."""
        for message in self.book.sent()[-3:]:
            if isinstance(message, Request):
                status = self.dice.choice(
                    (*(100, 180, 183, 200, 200, 202, 302, 401, 407, 422, 481, 486, 491, 500),)
                )
                data = self.peer.response(
                    message, status, self.dice.choice(BODIES), self.dice.choice(EXTRAS)
                )
                self._feed(data)
            else:
                try:
                    self.peer.learn(message)
                except PeerError:
                    continue

    def _feed(self, data: bytes) -> None:
        if self.dice.random() < 0.5:
            data = mutate(self.dice, data)
        self.last = data
        self.inputs += 1
        look_at(data)
        cut = self.dice.randrange(len(data) + 1)
        self.framer.feed(data[:cut])
        self.framer.feed(data[cut:])
        self.book.receive(data, self.peer.flow)

    def _order(self) -> None:
        call = CallId(self.dice.randint(1, 4))
        orders = (
            Ring(call), Accept(call, ANSWER), Reject(call, 486, "x\r\ny", "\ud800"), Probe(call),
            AnswerMedia(call, ANSWER), OfferMedia(call, OTHER), AskPicture(call), HangUp(call),
            Dial(CallId(call + 100), "sip:x@192.0.2.21", OFFER * 20, "é\"\r\n", "4201"),
            Dial(CallId(call + 200), "a", OFFER, "", "4201"),
            Dial(CallId(call + 200), "sip:hdx@198.51.100.5:5060;gr=urn:x", OFFER, "", "4201"),
            HangUp(CallId(call + 100)), OfferMedia(CallId(call + 100), ANSWER),
            TellTransfer(call, self.dice.choice((100, 180, 200, 403)), "x\r\ny"),
            Transfer(call, "sip:x@192.0.2.9"), AnswerMedia(CallId(call + 100), ANSWER),
        )  # fmt: skip
        self.book.order(self.dice.choice(orders))

    def _react(self, event: object) -> None:
        if self.dice.random() < 0.3:
            return
        match event:
            case CallOffered(call=call):
                self.book.order(Accept(call, ANSWER))
            case MediaOffered(call=call):
                self.book.order(AnswerMedia(call, ANSWER))
            case TransferWanted(call=call):
                self.book.order(TellTransfer(call, 100))
            case _:
                pass


def look_at(data: bytes) -> None:
    """Ask a message for everything; only PeerError may come."""
    try:
        message = parse_message(data)
    except PeerError:
        return
    message.to_bytes()
    for view in ("vias", "via", "sender", "to", "call_id", "cseq", "contact", "uri"):
        try:
            str(getattr(message, view, None))
        except PeerError:
            continue


def mutate(dice: random.Random, data: bytes) -> bytes:
    """Cut, double, swap and overwrite a few places."""
    out = bytearray(data)
    for _ in range(dice.randint(1, 5)):
        at = dice.randrange(len(out) + 1)
        length = dice.choice((0, 1, 1, 4, 20))
        new = dice.choice((dice.choice(WORDS), dice.randbytes(2), bytes(out[at : at + 30]), b""))
        out[at : at + length] = new
    return bytes(out)


def main() -> int:
    """Run until the time is over; return the exit status."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns()
    dice = random.Random(seed)
    end, runs, stories = time.monotonic() + seconds, 0, 0
    while time.monotonic() < end:
        story = Story(dice)
        try:
            for _ in range(dice.randint(3, 40)):
                story.step()
        except Exception as fault:
            Path("crash.sip").write_bytes(story.last)
            print(f"fuzz_sip: story {stories} of seed {seed}: {fault!r}; kept in crash.sip")
            raise
        runs, stories = runs + story.inputs, stories + 1
    print(f"fuzz_sip: {runs} inputs in {stories} stories, {seconds:g} s, seed {seed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
