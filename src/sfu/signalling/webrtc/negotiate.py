"""Our answer to a browser (RFC 8829 section 5.3, RFC 8842, RFC 8843, RFC 8845).

ICE-lite, DTLS passive, one bundled transport, RTCP multiplexed.  On microphone and camera we
only receive, on places we only send; every line of the offer is answered in its order.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sfu.errors import UseError
from sfu.model import Address, Codec, Kind, Ssrc
from sfu.signalling.capability import Capability, Feedback
from sfu.signalling.sdp import attribute, h264
from sfu.signalling.sdp.attribute import Fingerprint
from sfu.signalling.sdp.format import rtpmap
from sfu.signalling.sdp.peer import h264_limits
from sfu.signalling.sdp.session import MediaDescription, SessionDescription
from sfu.signalling.webrtc.offer import (
    URIS,
    BrowserLine,
    BrowserOffer,
    BrowserPayload,
    ExtensionIds,
    Part,
    Role,
)
from sfu.signalling.webrtc.offer import read_browser_offer as read_browser_offer

HOST_PRIORITY = 126
"""Type preference of a host candidate (RFC 8445 section 5.1.2.2)."""
TCP_PRIORITY = 90
"""Likewise of one over TCP: below every way over UDP (RFC 6544 section 4.2)."""
PASSIVE_PREFERENCE = (4 << 13) + 8_191
"""Local preference of a passive candidate: its direction's is 4 (same section)."""
START_BPS = 800_000
"""Of a camera, before anything is measured: half of a thin line."""
HEADER_SHARE = 1.034
"""b=AS counts headers: 40 bytes on 1,200."""


@dataclass(frozen=True, slots=True)
class StreamIds:
    """SSRCs of a stream we send, chosen by our caller."""

    ssrc: Ssrc
    rtx: Ssrc


@dataclass(frozen=True, slots=True)
class BrowserLocal:
    """Our end of the bundled transport."""

    session_id: int
    ice_ufrag: str
    ice_pwd: str
    fingerprint: str
    """"sha-256 AB:CD:..."."""
    candidates: tuple[Address, ...]
    cname: str
    streams: Mapping[str, StreamIds]
    """By mid, for every line whose role receives."""
    tcp: tuple[Address, ...] = ()
    """Where browsers may connect to by TCP where UDP is blocked (RFC 6544)."""
    setup: str = "active"
    """Our part in DTLS, as it was settled first; we begin where we may (RFC 5763 section 5)."""


@dataclass(frozen=True, slots=True)
class BrowserPolicy:
    """What we want of a browser."""

    video_bps: int = 1_400_000
    """Most it shall send, RTP payload; 0 for no limit."""
    audio_bps: int = 0
    """maxaveragebitrate of its Opus, 0 for its own choice."""
    simulcast: bool = False
    red: bool = True
    """Let Opus be sent twice (RFC 2198) where the browser knows how."""
    red_first: bool = False
    """Have it send so: browsers do while that stands before Opus itself."""


@dataclass(frozen=True, slots=True)
class BrowserStream:
    """An agreed line: the browser's own stream, or one of the places we send on."""

    mid: str
    role: Role
    place: int
    kind: Kind
    active: bool
    """False: offered without a direction for its part just now."""
    payloads: tuple[tuple[int, Codec], ...]
    """(payload type, codec) that may arrive, or that we may send; two of H.264 by mode."""
    rtx_payloads: tuple[tuple[int, int], ...]
    """(RTX payload type, payload type it repairs)."""
    ssrc: Ssrc | None
    """The browser's, None where it told none; ours on a place.  Likewise `rtx_ssrc`."""
    rtx_ssrc: Ssrc | None
    clock_hz: int
    single_nal: bool
    """H.264 in packetization-mode 0 only."""
    feedback: frozenset[Feedback]
    rids: tuple[str, ...]
    """Agreed simulcast layers."""
    red: int | None = None
    """The number under which we may send Opus twice; on the microphone among `payloads`."""

    @property
    def send_payloads(self) -> tuple[tuple[Codec, int], ...]:
        """Return (codec, payload type) to send, one number for each codec."""
        first: dict[Codec, int] = {}
        for pt, codec in self.payloads:
            first.setdefault(codec, pt)
        return tuple(first.items())


@dataclass(frozen=True, slots=True)
class BrowserAgreement:
    """What is settled with a browser."""

    streams: tuple[BrowserStream, ...]
    extensions: ExtensionIds
    ice_ufrag: str
    ice_pwd: str
    fingerprints: tuple[Fingerprint, ...]
    setup: str
    capability: Capability
    parts: Mapping[str, Part]
    """To hand to `read_browser_offer` next time."""

    def of(self, role: Role) -> tuple[BrowserStream, ...]:
        """Return the streams of a part in the order of their places."""
        return tuple(stream for stream in self.streams if stream.role is role)


def answer_browser(
    session: SessionDescription, offer: BrowserOffer, local: BrowserLocal, policy: BrowserPolicy
) -> tuple[SessionDescription, BrowserAgreement]:
    """Answer `session`, read as `offer`; UseError where SSRCs for a place are missing."""
    taken = [line for line in offer.lines if line.role is not Role.REFUSED]
    media = []
    for line, offered in zip(offer.lines, session.media, strict=True):
        if line.role is Role.REFUSED:
            media.append(_refusal(offered))
        else:
            first = line is taken[0]
            media.append(_answer(line, offered, offer.extensions, local, policy, first=first))
    streams = tuple(_stream(line, local, policy) for line in taken if line.role is not Role.IDLE)
    agreement = BrowserAgreement(
        streams,
        offer.extensions,
        offer.ice_ufrag,
        offer.ice_pwd,
        offer.fingerprints,
        offer.setup,
        _capability(taken),
        offer.parts,
    )
    return SessionDescription(_head(local, taken), tuple(media)), agreement


def _head(local: BrowserLocal, taken: list[BrowserLine]) -> tuple[str, ...]:
    return (
        "v=0",
        f"o=sfu {local.session_id} 1 IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        "a=ice-lite",
        f"a=group:BUNDLE {' '.join(line.mid for line in taken)}",
    )


def _refusal(offered: MediaDescription) -> MediaDescription:
    formats = " ".join(offered.formats) or "0"
    lines = [f"m={offered.media} 0 {offered.protocol} {formats}", "c=IN IP4 0.0.0.0"]
    mid = attribute.mid_of(offered)
    lines += [f"a=mid:{mid}"] if mid else []
    return MediaDescription.of([*lines, "a=inactive"])


def _answer(
    line: BrowserLine,
    offered: MediaDescription,
    extensions: ExtensionIds,
    local: BrowserLocal,
    policy: BrowserPolicy,
    *,
    first: bool,
) -> MediaDescription:
    lines = [
        f"m={offered.media} 9 {offered.protocol} {_numbers(line, policy)}",
        "c=IN IP4 0.0.0.0",
        *_limits(line, policy),
        f"a=ice-ufrag:{local.ice_ufrag}",
        f"a=ice-pwd:{local.ice_pwd}",
        f"a=fingerprint:{local.fingerprint}",
        f"a=setup:{local.setup}",
        f"a=mid:{line.mid}",
        *_extmaps(offered, extensions),
        f"a={_direction(line)}",
        "a=rtcp-mux",
    ]
    for payload in line.payloads:
        lines += _payload(payload, policy, _start(line, policy))
    if line.red is not None and policy.red:
        opus = line.payloads[0].form.pt
        lines += [f"a=rtpmap:{line.red} red/48000/2", f"a=fmtp:{line.red} {opus}/{opus}"]
    if line.role is Role.CAMERA and policy.simulcast and line.rids:
        lines += [f"a=rid:{rid} recv" for rid in line.rids]
        lines.append(f"a=simulcast:recv {';'.join(line.rids)}")
    if line.role.receives:
        lines += _own_stream(line, local)
    if first:
        lines += _candidates(local)
    return MediaDescription.of(lines)


def _numbers(line: BrowserLine, policy: BrowserPolicy) -> str:
    numbers = [pt for one in line.payloads for pt in (one.form.pt, one.rtx) if pt is not None]
    if line.red is not None and policy.red:
        first = policy.red_first and line.role is Role.MICROPHONE
        numbers.insert(0 if first else len(numbers), line.red)
    return " ".join(map(str, numbers))


def _limits(line: BrowserLine, policy: BrowserPolicy) -> list[str]:
    if line.role is not Role.CAMERA or not policy.video_bps:
        return []
    as_kbps = round(policy.video_bps * HEADER_SHARE / 1_000)
    return [f"b=AS:{as_kbps}", f"b=TIAS:{policy.video_bps}"]


def _extmaps(offered: MediaDescription, extensions: ExtensionIds) -> Iterator[str]:
    for extmap in attribute.extmaps_of(offered):
        name = URIS.get(extmap.uri)
        if name is not None and getattr(extensions, name) == extmap.id:
            way = attribute.reversed_direction(extmap.direction)
            yield f"a=extmap:{extmap.id}{f'/{way}' if way else ''} {extmap.uri}"


def _direction(line: BrowserLine) -> str:
    if line.role.sends:
        return "recvonly" if line.sends else "inactive"
    return "sendonly" if line.role.receives and line.receives else "inactive"


def _start(line: BrowserLine, policy: BrowserPolicy) -> str:
    """Say at which rate the camera begins: a parameter of Chromium's, unknown to others.

    By itself it begins at 300 kbit/s, and shrinks a picture of 360 lines for its first ten seconds.
    """
    if line.role is not Role.CAMERA or not policy.video_bps:
        return ""
    return f"x-google-start-bitrate={min(START_BPS, policy.video_bps) // 1_000}"


def _payload(payload: BrowserPayload, policy: BrowserPolicy, start: str) -> Iterator[str]:
    form = payload.form
    yield rtpmap(payload.codec, form.pt)
    yield from (f"a=rtcp-fb:{form.pt} {one}" for one in Feedback if one in payload.feedback)
    if payload.codec is Codec.H264:
        own = h264.own_fmtp(form, spell_mode=True)
        yield f"a=fmtp:{form.pt} {';'.join(filter(None, (own, start)))}"
    if payload.codec is Codec.VP8 and start:
        yield f"a=fmtp:{form.pt} {start}"
    if payload.codec is Codec.OPUS:
        yield f"a=fmtp:{form.pt} {_opus(payload, policy)}"
    if payload.rtx is not None:
        yield f"a=rtpmap:{payload.rtx} rtx/90000"
        yield f"a=fmtp:{payload.rtx} apt={form.pt}"


def _opus(payload: BrowserPayload, policy: BrowserPolicy) -> str:
    words = [f"minptime={payload.form.number('minptime', 3, 120) or 10}", "useinbandfec=1"]
    if policy.audio_bps:
        words.append(f"maxaveragebitrate={policy.audio_bps}")
    return ";".join(words)


def _own_stream(line: BrowserLine, local: BrowserLocal) -> Iterator[str]:
    """Yield msid and SSRCs; a stream of its own for each place, so that none waits for another."""
    ids = _ids(line, local)
    yield f"a=msid:{line.role}-{line.place} {line.role}-{line.place}"
    repaired = any(one.rtx is not None for one in line.payloads)
    if repaired:
        yield f"a=ssrc-group:FID {ids.ssrc} {ids.rtx}"
    for ssrc in (ids.ssrc, ids.rtx) if repaired else (ids.ssrc,):
        yield f"a=ssrc:{ssrc} cname:{local.cname}"


def _candidates(local: BrowserLocal) -> Iterator[str]:
    for at, where in enumerate(local.candidates):
        priority = (HOST_PRIORITY << 24) + ((65_535 - at) << 8) + 255
        yield f"a=candidate:{at + 1} 1 udp {priority} {where.host} {where.port} typ host"
    for at, where in enumerate(local.tcp):
        priority = (TCP_PRIORITY << 24) + ((PASSIVE_PREFERENCE - at) << 8) + 255
        found = at + 1 + len(local.candidates)
        place = f"{where.host} {where.port} typ host tcptype passive"
        yield f"a=candidate:{found} 1 tcp {priority} {place}"
    yield "a=end-of-candidates"


def _ids(line: BrowserLine, local: BrowserLocal) -> StreamIds:
    ids = local.streams.get(line.mid)
    if ids is None:
        raise UseError(f"no SSRCs for the m= line {line.mid}")
    return ids


def _stream(line: BrowserLine, local: BrowserLocal, policy: BrowserPolicy) -> BrowserStream:
    assert line.kind is not None
    ours = _ids(line, local) if line.role.receives else None
    rtx = tuple((one.rtx, one.form.pt) for one in line.payloads if one.rtx is not None)
    modes = h264.modes_of([one.form for one in line.payloads])
    red = line.red if policy.red else None
    sent_twice = [(red, Codec.RED)] if red is not None and line.role.sends else []
    return BrowserStream(
        mid=line.mid,
        role=line.role,
        place=line.place,
        kind=line.kind,
        active=line.sends if line.role.sends else line.receives,
        payloads=(*((one.form.pt, one.codec) for one in line.payloads), *sent_twice),
        rtx_payloads=rtx,
        ssrc=ours.ssrc if ours else line.ssrc,
        rtx_ssrc=(ours.rtx if ours else line.rtx_ssrc) if rtx else None,
        clock_hz=line.payloads[0].codec.clock_hz,
        single_nal=modes == {0},
        feedback=line.payloads[0].feedback,
        rids=line.rids if policy.simulcast else (),
        red=red,
    )


def _capability(lines: list[BrowserLine]) -> Capability:
    """Return what the lines in use now carry."""
    camera = next((line for line in lines if line.role is Role.CAMERA and line.sends), None)
    tiles = [line for line in lines if line.role is Role.TILE and line.receives]
    sounds = [line for line in lines if line.role.receives and line.receives]
    sounds = [line for line in sounds if line.kind is Kind.AUDIO]
    microphone = [line for line in lines if line.role is Role.MICROPHONE and line.sends]
    shown = tiles[0] if tiles else camera
    limits = h264_limits(tuple(one.form for one in shown.payloads)) if shown else None
    modes = h264.modes_of([one.form for one in camera.payloads]) if camera else frozenset()
    return Capability(
        audio_send=_codecs(microphone),
        audio_receive=_codecs(sounds),
        video_send=_codecs([camera] if camera else []),
        video_receive=_codecs(tiles),
        h264=limits,
        single_nal=limits is not None and 1 not in limits.modes,
        can_send_single_nal=0 in modes,
        pictures=len(tiles),
        video_bps=0,
        forwarded_sounds=True,
    )


def _codecs(lines: list[BrowserLine]) -> frozenset[Codec]:
    return frozenset(one.codec for line in lines for one in line.payloads)
