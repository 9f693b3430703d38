"""Offers of browsers (see offers/README.md) and our end of a connection with them."""

from pathlib import Path

from sfu.model import Address, Ssrc
from sfu.signalling.sdp.session import SessionDescription, parse
from sfu.signalling.webrtc.negotiate import (
    BrowserAgreement,
    BrowserLocal,
    BrowserPolicy,
    StreamIds,
    answer_browser,
)
from sfu.signalling.webrtc.offer import BrowserOffer, Part, read_browser_offer

OFFERS = Path(__file__).parent / "offers"
NAMES = sorted(path.stem for path in OFFERS.glob("*.sdp"))
FINGERPRINT = "sha-256 " + ":".join(["AB"] * 32)


def offered(name: str) -> bytes:
    return (OFFERS / f"{name}.sdp").read_bytes()


def session(name: str) -> SessionDescription:
    return parse(offered(name))


def local(offer: BrowserOffer) -> BrowserLocal:
    return BrowserLocal(
        session_id=7,
        ice_ufrag="abcd",
        ice_pwd="0123456789abcdefghijkl",
        fingerprint=FINGERPRINT,
        candidates=(Address("192.0.2.5", 10000), Address("2001:db8::5", 10000)),
        cname="sfu",
        streams={
            line.mid: StreamIds(Ssrc(1000 + 2 * line.index), Ssrc(1001 + 2 * line.index))
            for line in offer.lines
        },
    )


def answered(
    made: SessionDescription, known: dict[str, Part] | None = None, **policy
) -> tuple[SessionDescription, BrowserAgreement]:
    offer = read_browser_offer(made, known)
    return answer_browser(made, offer, local(offer), BrowserPolicy(**policy))
