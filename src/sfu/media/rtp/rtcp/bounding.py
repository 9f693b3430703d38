r"""Which of several rate limits bind: the bounding set of RFC 5104 section 3.5.4.2.

A limit of b bit/s that counts o bytes of headers leaves b - 8 o p for payload at p packets a
second: a line that falls the faster the more headers count.  The limits that bind are those on
the lower edge of all such lines, from no packet at all to where nothing is left::

    payload |\  b1, o1
            |_\____       b2, o2 binds while packets are few
            |  \    ----
            |___\_______  packets/s
"""

from collections.abc import Iterable

from sfu.media.rtp.rtcp.rate import Limit

PAYLOAD_BYTES = 1_200
"""A packet of video."""
HEADER_BYTES = 40
"""IPv4, UDP and RTP."""


def bounding_set(limits: Iterable[Limit]) -> tuple[Limit, ...]:
    """Return those that bind somewhere, the one for few packets first."""
    rest = sorted(limits, key=lambda one: (one.bps, -one.overhead))
    if not rest:
        return ()
    edge = [rest[0]]
    while True:
        now = edge[-1]
        steeper = [one for one in rest if one.overhead > now.overhead]
        crossings = [((one.bps - now.bps) / (8 * (one.overhead - now.overhead)), -one.overhead, at)
                     for at, one in enumerate(steeper)]  # fmt: skip
        if not crossings:
            return tuple(edge)
        packets, _, at = min(crossings)
        if now.overhead and packets >= now.bps / (8 * now.overhead):
            return tuple(edge)  # nothing is left where they meet
        edge.append(steeper[at])


def payload_bps(bps: int, overhead: int) -> int:
    """Return what a limit leaves for payload in packets of usual size."""
    return bps * PAYLOAD_BYTES // (PAYLOAD_BYTES + overhead)


def wire_bps(payload: int, overhead: int = HEADER_BYTES) -> int:
    """Return the limit that leaves so much for payload."""
    return -(-payload * (PAYLOAD_BYTES + overhead) // PAYLOAD_BYTES)
