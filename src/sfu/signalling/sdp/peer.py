"""What a room codec's description says, read once: who, where, what, how much.

`read_offer` reads an offer or an answer; it decides nothing.  Its lines have the index of their
m= line, so that an answer keeps their number and order (RFC 3264 section 6).
"""

from dataclasses import dataclass, replace

from sfu.model import Address, Codec, Kind
from sfu.signalling.capability import Capability, Feedback, H264Limits
from sfu.signalling.sdp import attribute, h264
from sfu.signalling.sdp.attribute import Crypto, Fingerprint, Floor
from sfu.signalling.sdp.bandwidth import video_limit_bps
from sfu.signalling.sdp.format import Format, formats_of
from sfu.signalling.sdp.session import MediaDescription, SessionDescription, number

SOUND = frozenset({Codec.G722, Codec.PCMA, Codec.PCMU, Codec.OPUS})
"""What the mix decodes and encodes."""
PICTURES = frozenset({Codec.H264, Codec.VP8, Codec.H263, Codec.H263_1998, Codec.H261})
ON_HOLD_HOSTS = frozenset({"0.0.0.0", "::"})
"""The old way to put on hold (RFC 3264 section 8.4)."""


@dataclass(frozen=True, slots=True)
class PeerLine:
    """One m= line of the peer."""

    index: int
    media: str
    kind: Kind | None
    """None: nothing that comes by RTP, or nothing known (BFCP)."""
    protocol: str
    port: int
    formats: tuple[Format, ...]
    rtp: Address | None
    """Where it wants its media; None when refused, or without a usable c=."""
    rtcp: Address | None
    """Where it wants RTCP unless multiplexing is agreed."""
    rtcp_mux: bool
    sends: bool
    receives: bool
    crypto: tuple[Crypto, ...]
    fingerprints: tuple[Fingerprint, ...]
    setup: str
    telephone_event: int | None
    ptime_ms: int | None
    max_bps: int
    """Video payload it takes by its b= lines, 0 without a limit; max-br not counted."""
    label: str
    content: str
    """main, slides, speaker... (RFC 4796), "" where not told."""
    floors: tuple[Floor, ...]
    floor_roles: tuple[str, ...]
    feedback: frozenset[Feedback]
    """Of the best format; of H.264's where there is one."""

    @property
    def on_hold(self) -> bool:
        """Tell whether it wants no media from us."""
        return not self.receives

    @property
    def secure(self) -> bool:
        """Tell whether its profile demands SRTP."""
        return "SAVP" in self.protocol.upper()

    @property
    def dtls(self) -> bool:
        """Tell whether its profile wants keys by DTLS (RFC 5764 section 9)."""
        return "UDP/TLS" in self.protocol.upper()

    @property
    def usable_fingerprints(self) -> tuple[Fingerprint, ...]:
        """Return those of a hash its certificate can be held against."""
        known = attribute.FINGERPRINT_HASHES
        return tuple(one for one in self.fingerprints if one.algorithm in known)

    @property
    def offers_keys(self) -> bool:
        """Tell whether it offers any way to encrypt, be it one we do not know."""
        return self.secure or bool(self.crypto or self.fingerprints)

    def of(self, codec: Codec) -> Format | None:
        """Return its first format of a codec."""
        return next((form for form in self.formats if form.codec is codec), None)

    @property
    def codecs(self) -> frozenset[Codec]:
        """The codecs of ours among its formats; H.264 only where we may use a profile of it."""
        known = {form.codec for form in self.formats if form.codec is not None}
        if not h264.usable(self.formats):
            known.discard(Codec.H264)
        return frozenset(known)


@dataclass(frozen=True, slots=True)
class PeerMedia:
    """A whole description."""

    lines: tuple[PeerLine, ...]
    audio: int | None
    """Index of the line a call's sound belongs on, None for none."""
    video: int | None
    """Index of the line of the main picture."""
    slides: int | None
    """Index of the line of the slides."""
    capability: Capability
    camera: int | None = None
    """Index of the line of far-end camera control (H.224)."""


def read_offer(session: SessionDescription) -> PeerMedia:
    """Read what the peer can."""
    sound = any(media.media == "audio" and media.port for media in session.media)
    lines = tuple(_line(session, at, media, sound) for at, media in enumerate(session.media))
    audio = _first(lines, Kind.AUDIO, SOUND)
    video = _first(lines, Kind.VIDEO, PICTURES)
    slides = _first(lines, Kind.VIDEO, PICTURES, slides=True)
    camera = _first(lines, Kind.CAMERA, frozenset({Codec.H224}))
    return PeerMedia(lines, audio, video, slides, _capability(lines, audio, video), camera)


def h264_limits(forms: tuple[Format, ...], *, single_nal: bool = False) -> H264Limits | None:
    """Return the promise of the format we would use, with all the modes we may use."""
    form = h264.choose(forms, single_nal=single_nal)
    limits = h264.limits_of(form) if form is not None else None
    return replace(limits, modes=h264.modes_of(forms)) if limits is not None else None


def _line(
    session: SessionDescription, index: int, media: MediaDescription, sound: bool
) -> PeerLine:
    kind = _kind(media)
    forms = formats_of(media) if kind is not None else ()
    host = attribute.connection_of(session, media)
    direction = attribute.direction_of(session, media)
    best = h264.choose(forms) or (forms[0] if forms else None)
    return PeerLine(
        index=index,
        media=media.media,
        kind=kind,
        protocol=media.protocol,
        port=media.port,
        formats=forms,
        rtp=_address(host, media.port),
        rtcp=_rtcp(media, host),
        rtcp_mux=media.has("rtcp-mux"),
        sends=bool(media.port) and direction in ("sendrecv", "sendonly"),
        receives=bool(media.port)
        and direction in ("sendrecv", "recvonly")
        and host not in ON_HOLD_HOSTS,
        crypto=attribute.crypto_of(media),
        fingerprints=attribute.fingerprints_of(session, media),
        setup=(session.either(media, "setup") or "").lower(),
        telephone_event=_telephone_event(forms),
        ptime_ms=attribute.ptime_of(media),
        max_bps=video_limit_bps(session, media, sound=sound) if kind is Kind.VIDEO else 0,
        label=media.value("label") or "",
        content=(media.value("content") or "").lower(),
        floors=attribute.floors_of(media),
        floor_roles=attribute.floor_control_of(media),
        feedback=attribute.feedback_of(media, best.pt) if best else frozenset(),
    )


def _kind(media: MediaDescription) -> Kind | None:
    kind = {"audio": Kind.AUDIO, "video": Kind.VIDEO}.get(media.media)
    if kind is not None or media.media != "application" or "RTP/" not in media.protocol.upper():
        return kind
    return Kind.CAMERA if any(form.codec is Codec.H224 for form in formats_of(media)) else None


def _address(host: str | None, port: int) -> Address | None:
    return Address(host, port) if host and port and host not in ON_HOLD_HOSTS else None


def _rtcp(media: MediaDescription, host: str | None) -> Address | None:
    """Read a=rtcp (RFC 3605), else the port after RTP's (RFC 3550 section 11)."""
    words = (media.value("rtcp") or "").split()
    port = number(words[0], 1, 65_535) if words else None
    if port is not None:
        return _address(words[3] if len(words) == 4 and len(words[3]) <= 255 else host, port)
    return _address(host, media.port + 1 if 0 < media.port < 65_535 else 0)


def _telephone_event(forms: tuple[Format, ...]) -> int | None:
    found = sorted(
        (form.clock_hz, form.pt) for form in forms if form.codec is Codec.TELEPHONE_EVENT
    )
    return found[0][1] if found else None


def _first(
    lines: tuple[PeerLine, ...], kind: Kind, codecs: frozenset[Codec], *, slides: bool = False
) -> int | None:
    for line in lines:
        wanted = line.kind is kind and line.port and (line.content == "slides") is slides
        # also one with no H.264 but High: whether that is taken is the policy's affair
        if wanted and any(form.codec in codecs for form in line.formats):
            return line.index
    return None


def _capability(lines: tuple[PeerLine, ...], audio: int | None, video: int | None) -> Capability:
    sound = lines[audio] if audio is not None else None
    picture = lines[video] if video is not None else None
    heard = sound.codecs & SOUND if sound else frozenset()
    seen = picture.codecs & PICTURES if picture else frozenset()
    limits = h264_limits(picture.formats) if picture else None
    return Capability(
        audio_send=heard if sound and sound.sends else frozenset(),
        audio_receive=heard if sound and sound.receives else frozenset(),
        video_send=seen if picture and picture.sends else frozenset(),
        video_receive=seen if picture and picture.receives else frozenset(),
        h264=limits,
        single_nal=limits is not None and 1 not in limits.modes,
        can_send_single_nal=limits is not None and 0 in limits.modes,
        pictures=1 if seen and picture and picture.receives else 0,
        video_bps=_video_bps(picture, limits),
        forwarded_sounds=False,
    )


def _video_bps(picture: PeerLine | None, limits: H264Limits | None) -> int:
    known = [picture.max_bps] if picture and picture.max_bps else []
    if limits is not None:
        known.append(limits.br_kbps * 1_000)
    return min(known, default=0)
