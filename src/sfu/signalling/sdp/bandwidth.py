"""What a description allows us to send, in one unit: bit/s of RTP payload.

==============  ========  =================================  =========================
line            unit      counts                             scope
==============  ========  =================================  =========================
b=AS (8866)     kbit/s    IP, UDP, RTP headers and payload   session or media
b=CT            kbit/s    the same                           session; some write it to media
b=TIAS (3890)   bit/s     without IP and UDP headers         session or media
max-br (6184)   kbit/s    the coded picture                  a payload format
==============  ========  =================================  =========================

A limit of the session holds sound as well: what a room's sound takes is put aside first.
"""

from collections.abc import Iterator

from sfu.signalling.sdp.session import MediaDescription, Section, SessionDescription, number

PAYLOAD_BYTES = 1_200
HEADER_BYTES = 40
"""IPv4, UDP and RTP: of a video packet of 1,240 bytes 1,200 are payload."""
AUDIO_BPS = 80_000
"""G.722 or G.711 in packets of 20 ms, with headers."""


def payload_bps(wire_bps: int) -> int:
    """Return what is left of a rate with headers for video payload."""
    return wire_bps * PAYLOAD_BYTES // (PAYLOAD_BYTES + HEADER_BYTES)


def as_kbps(bps: int) -> int:
    """Return the b=AS that leaves so much for video payload."""
    return -(-bps * (PAYLOAD_BYTES + HEADER_BYTES) // (PAYLOAD_BYTES * 1_000))


def stated(section: Section, kind: str) -> int | None:
    """Return the smallest b= value of a kind (AS, CT, TIAS), None where there is none above 0."""
    found = []
    for field in section.fields("b"):
        name, _, text = field.partition(":")
        value = number(text.strip(), 1, 10**10) if name.strip().upper() == kind else None
        if value is not None:
            found.append(value)
    return min(found, default=None)


def video_limit_bps(
    session: SessionDescription, media: MediaDescription, *, sound: bool, max_br_kbps: int = 0
) -> int:
    """Return the payload rate the peer takes on a video line, 0 where it sets no limit."""
    limits = list(_media_limits(media)) + list(_session_limits(session, sound=sound))
    if max_br_kbps:
        limits.append(max_br_kbps * 1_000)
    return min(limits, default=0)


def _media_limits(media: MediaDescription) -> Iterator[int]:
    tias = stated(media, "TIAS")
    if tias is not None:
        yield tias
    for kind in ("AS", "CT"):
        kbps = stated(media, kind)
        if kbps is not None:
            yield payload_bps(kbps * 1_000)


def _session_limits(session: SessionDescription, *, sound: bool) -> Iterator[int]:
    aside = AUDIO_BPS if sound else 0
    for kind in ("AS", "CT"):
        kbps = stated(session, kind)
        if kbps is not None and kbps * 1_000 > aside:
            yield payload_bps(kbps * 1_000 - aside)
    tias = stated(session, "TIAS")
    if tias is not None and tias > aside:
        yield tias - aside
