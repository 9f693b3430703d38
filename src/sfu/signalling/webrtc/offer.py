"""What a browser's offer says, and the part each of its m= lines plays (RFC 8829, RFC 8843).

The browser always offers; one bundled transport carries everything::

    m=audio sendonly   microphone        the first audio line that sends
    m=video sendonly   camera            the first video line that sends
    m=audio recvonly   wide 0, 1, 2      Opus of whoever speaks
    m=audio recvonly   narrow 0, 1, 2    G.722 and G.711 of rooms: another RTP clock
    m=audio recvonly   mix 0
    m=video recvonly   tile 0, 1, ...    a picture of one member each

Order gives the parts on a first offer; a later one keeps them by `mid`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sfu.errors import PeerError
from sfu.model import Codec, Kind, Ssrc
from sfu.signalling.capability import Feedback
from sfu.signalling.sdp import attribute, h264
from sfu.signalling.sdp.attribute import Fingerprint
from sfu.signalling.sdp.format import Format, formats_of
from sfu.signalling.sdp.session import MediaDescription, SessionDescription

AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"

WIDE = (Codec.OPUS,)
NARROW = (Codec.G722, Codec.PCMA, Codec.PCMU)


class Role(StrEnum):
    """The part of an m= line."""

    MICROPHONE = "microphone"
    CAMERA = "camera"
    WIDE = "wide"
    NARROW = "narrow"
    MIX = "mix"
    TILE = "tile"
    IDLE = "idle"
    """Neither way now, without a part yet."""
    REFUSED = "refused"

    @property
    def sends(self) -> bool:
        """Tell whether the browser sends on it."""
        return self in (Role.MICROPHONE, Role.CAMERA)

    @property
    def receives(self) -> bool:
        """Tell whether we send on it."""
        return self in (Role.WIDE, Role.NARROW, Role.MIX, Role.TILE)

    @property
    def kind(self) -> Kind | None:
        """Return what it carries; None where that is open."""
        if self in (Role.CAMERA, Role.TILE):
            return Kind.VIDEO
        return None if self in (Role.IDLE, Role.REFUSED) else Kind.AUDIO


TWICE = frozenset({Role.MICROPHONE, Role.WIDE, Role.MIX})
"""Parts that carry Opus, which may be sent twice."""
Part = tuple[Role, int]
"""A role, and the place in it, from 0."""
AUDIO_PLACES = {Role.WIDE: 3, Role.NARROW: 3, Role.MIX: 1}
MAX_TILES = 49
PROTOCOLS = frozenset({"UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP"})


@dataclass(frozen=True, slots=True)
class ExtensionIds:
    """Header extensions of the transport, 0 where not agreed (media.engine.command.Extensions)."""

    mid: int = 0
    rid: int = 0
    repaired_rid: int = 0
    audio_level: int = 0
    transport_cc: int = 0
    abs_send_time: int = 0


URIS = {
    MID: "mid",
    RID: "rid",
    REPAIRED_RID: "repaired_rid",
    AUDIO_LEVEL: "audio_level",
    TRANSPORT_CC: "transport_cc",
    ABS_SEND_TIME: "abs_send_time",
}


@dataclass(frozen=True, slots=True)
class BrowserPayload:
    """A payload number we take, with its retransmission (RFC 4588)."""

    form: Format
    codec: Codec
    rtx: int | None
    feedback: frozenset[Feedback]


@dataclass(frozen=True, slots=True)
class BrowserLine:
    """One m= line of the offer."""

    index: int
    mid: str
    kind: Kind | None
    role: Role
    place: int
    sends: bool
    receives: bool
    payloads: tuple[BrowserPayload, ...]
    """What its part may carry, in our order of preference."""
    red: int | None
    """The number of Opus with the packet before beside it (RFC 2198), where it offers that."""
    ssrc: Ssrc | None
    """The browser's own stream, where it tells."""
    rtx_ssrc: Ssrc | None
    rids: tuple[str, ...]
    """Simulcast layers it wants to send."""


@dataclass(frozen=True, slots=True)
class BrowserOffer:
    """A whole offer."""

    lines: tuple[BrowserLine, ...]
    extensions: ExtensionIds
    ice_ufrag: str
    ice_pwd: str
    fingerprints: tuple[Fingerprint, ...]
    setup: str
    """actpass or active."""

    @property
    def parts(self) -> dict[str, "Part"]:
        """Return role and place by mid, to hand to the reading of a later offer."""
        given = (line for line in self.lines if line.role not in (Role.IDLE, Role.REFUSED))
        return {line.mid: (line.role, line.place) for line in given}

    def of(self, role: Role) -> tuple[BrowserLine, ...]:
        """Return the lines of a part in the order of their places."""
        return tuple(line for line in self.lines if line.role is role)


def read_browser_offer(
    session: SessionDescription, known: Mapping[str, Part] | None = None
) -> BrowserOffer:
    """Read an offer; `known` are the `parts` of the one before.  PeerError if it is not WebRTC."""
    lines = tuple(_Parts(session, known or {}).lines())
    first = next((line for line in lines if line.role is not Role.REFUSED), None)
    if first is None:
        raise PeerError("nothing in the offer we can take", status=488)
    media = session.media[first.index]
    ufrag, password = session.either(media, "ice-ufrag"), session.either(media, "ice-pwd")
    fingerprints = attribute.fingerprints_of(session, media)
    setup = (session.either(media, "setup") or "actpass").lower()
    if not (_token(ufrag, 4) and _token(password, 22)) or not fingerprints:
        raise PeerError("no ICE credentials or fingerprint in the offer", status=488)
    if setup not in ("actpass", "active", "passive"):
        raise PeerError("nobody would begin DTLS: a=setup is none we know", status=488)
    taken = [session.media[line.index] for line in lines if line.role is not Role.REFUSED]
    return BrowserOffer(
        lines, extension_ids(taken), ufrag or "", password or "", fingerprints, setup
    )


def extension_ids(media: list[MediaDescription]) -> ExtensionIds:
    """Return the ids of the extensions we know; in a bundle an id has one meaning (RFC 8843)."""
    found: dict[str, int] = {}
    for one in media:
        for extmap in attribute.extmaps_of(one):
            name = URIS.get(extmap.uri)
            if name is not None and extmap.id not in found.values():
                found.setdefault(name, extmap.id)
    return ExtensionIds(**found)


def _token(text: str | None, least: int) -> bool:
    """Tell whether it is an ICE ufrag (4 to 256 characters) or password (22 to 256)."""
    return text is not None and least <= len(text) <= 256 and text.isascii() and " " not in text


class _Parts:
    """Gives the lines their parts, in order; a mid keeps its own, a place has one mid."""

    def __init__(self, session: SessionDescription, known: Mapping[str, Part]) -> None:
        mids = {attribute.mid_of(media) for media in session.media if _alive(media)}
        self._session = session
        self._group = frozenset(attribute.bundled(session))
        self._parts = {mid: part for mid, part in known.items() if mid in mids}

    def lines(self) -> Iterator[BrowserLine]:
        """Yield every line of the offer."""
        seen: set[str] = set()
        for index, media in enumerate(self._session.media):
            mid = attribute.mid_of(media)
            if mid in seen:
                raise PeerError("two m= lines of one mid", status=488)
            seen |= {mid} - {""}
            yield self._line(index, media, mid)

    def _line(self, index: int, media: MediaDescription, mid: str) -> BrowserLine:
        kind = {"audio": Kind.AUDIO, "video": Kind.VIDEO}.get(media.media)
        way = attribute.direction_of(self._session, media)
        sends, receives = way in ("sendrecv", "sendonly"), way in ("sendrecv", "recvonly")
        part: Part = (Role.REFUSED, 0)
        payloads: tuple[BrowserPayload, ...] = ()
        if kind is not None and mid in self._group and _alive(media):
            part = self._part(mid, kind, sends=sends, receives=receives)
            payloads = tuple(_payloads(part[0], kind, media))
        role, place = part if payloads else (Role.REFUSED, 0)
        red = _red(media, payloads[0].form.pt) if role in TWICE else None
        ssrc, rtx = _streams(media) if role.sends else (None, None)
        rids = attribute.sent_rids_of(media) if role is Role.CAMERA else ()
        return BrowserLine(
            index, mid, kind, role, place, sends, receives, payloads, red, ssrc, rtx, rids
        )

    def _part(self, mid: str, kind: Kind, *, sends: bool, receives: bool) -> Part:
        known = self._parts.get(mid)
        if known is not None:
            return known if known[0].kind is kind else (Role.REFUSED, 0)
        own = Role.MICROPHONE if kind is Kind.AUDIO else Role.CAMERA
        taken = frozenset(self._parts.values())
        if sends and (own, 0) not in taken:
            self._parts[mid] = (own, 0)
        elif receives:
            self._parts[mid] = next(
                (part for part in _PLACES[kind] if part not in taken), (Role.REFUSED, 0)
            )
        else:
            return (Role.REFUSED if sends else Role.IDLE), 0
        return self._parts[mid]


_PLACES: dict[Kind, tuple[Part, ...]] = {
    Kind.AUDIO: tuple(
        (role, place) for role, places in AUDIO_PLACES.items() for place in range(places)
    ),
    Kind.VIDEO: tuple((Role.TILE, place) for place in range(MAX_TILES)),
}


def _alive(media: MediaDescription) -> bool:
    """Tell whether the line is offered at all, on the one kind of transport we have."""
    # RFC 8843 7.2.1: a bundled line may be offered with port 0 and a=bundle-only
    offered = bool(media.port) or media.has("bundle-only")
    return offered and media.has("rtcp-mux") and media.protocol.upper() in PROTOCOLS


def _payloads(role: Role, kind: Kind, media: MediaDescription) -> Iterator[BrowserPayload]:
    forms = formats_of(media)
    chosen = _pictures(forms) if kind is Kind.VIDEO else _sounds(role, forms)
    for form in chosen:
        assert form.codec is not None
        feedback = attribute.feedback_of(media, form.pt)
        yield BrowserPayload(form, form.codec, _rtx(forms, form.pt), feedback)


def _sounds(role: Role, forms: tuple[Format, ...]) -> Iterator[Format]:
    for codec in NARROW if role is Role.NARROW else WIDE:
        yield from [form for form in forms if form.codec is codec][:1]


def _red(media: MediaDescription, opus: int) -> int | None:
    """Return the number that sends this Opus again; RFC 2198 section 5 names all it may hold."""
    for form in formats_of(media):
        held = form.fmtp.split("/")
        alike = all(each.strip() == str(opus) for each in held)
        if form.encoding == "RED" and form.clock_hz == Codec.OPUS.clock_hz and alike:
            return form.pt
    return None


def _pictures(forms: tuple[Format, ...]) -> Iterator[Format]:
    """Yield one H.264 number of mode 1, one of mode 0, and VP8."""
    usable = sorted(h264.usable(forms), key=_not_constrained)
    for mode in (1, 0):
        yield from [form for form in usable if h264.mode_of(form) == mode][:1]
    yield from [form for form in forms if form.codec is Codec.VP8][:1]


def _not_constrained(form: Format) -> bool:
    """Tell plain baseline (42001f) from constrained baseline (42e01f), which is preferred."""
    who = h264.profile_level(form)
    return who is None or not who[1] & 0x40


def _rtx(forms: tuple[Format, ...], pt: int) -> int | None:
    return next((f.pt for f in forms if f.encoding == "RTX" and f.get("apt") == str(pt)), None)


def _streams(media: MediaDescription) -> tuple[Ssrc | None, Ssrc | None]:
    """Return the browser's stream and its retransmission; none are told with simulcast rids."""
    for group in attribute.ssrc_groups_of(media, "FID"):
        return group[0], group[1]
    ssrcs = attribute.ssrcs_of(media)
    return (ssrcs[0] if ssrcs else None), None
