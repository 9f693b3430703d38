"""Offers of room codecs (tests/vectors/offers; offers) and our end of a call with them."""

from pathlib import Path

from sfu.signalling.sdp.local import LocalLine, LocalMedia
from sfu.signalling.sdp.session import SessionDescription, parse

VECTORS = Path(__file__).parents[2] / "vectors" / "offers"
OFFERS = Path(__file__).parent / "offers"
UNITS = sorted(path.stem for path in VECTORS.glob("*.sdp"))
NAMES = sorted([*UNITS, *(path.stem for path in OFFERS.glob("*.sdp"))])

LOCAL = LocalMedia("198.51.100.5", 7, LocalLine(20000, 20001), LocalLine(20002, 20003))
CRYPTO = ("1 AES_CM_128_HMAC_SHA1_80 inline:AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0e",)
SECURE = LocalMedia(
    "198.51.100.5", 7, LocalLine(20000, 20001, CRYPTO), LocalLine(20002, 20003, CRYPTO)
)


def offered(name: str) -> bytes:
    folder = VECTORS if name in UNITS else OFFERS
    return (folder / f"{name}.sdp").read_bytes()


def expected(name: str) -> tuple[list[str], list[str]]:
    """Return the lines of our answer to a unit, and what its offer means (`# exp`)."""
    lines = (VECTORS / f"{name}.answer").read_text().splitlines()
    meanings = [line.removeprefix("# exp ") for line in lines if line.startswith("# exp ")]
    return [line for line in lines if not line.startswith("#")], meanings


def session(name: str) -> SessionDescription:
    return parse(offered(name))


def description(*media: str, head: str = "") -> SessionDescription:
    """Build one of short parts, lines parted by newlines."""
    top = "v=0\no=- 1 1 IN IP4 192.0.2.9\ns=-\nc=IN IP4 192.0.2.9\nt=0 0\n"
    return parse((top + head + "".join(media)).encode("latin-1"))
