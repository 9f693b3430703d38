"""What we bring into a negotiation with a room codec, and how one of our m= lines is written."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sfu.model import Codec, Kind
from sfu.signalling.sdp.bandwidth import as_kbps, payload_bps
from sfu.signalling.sdp.format import rtpmap
from sfu.signalling.sdp.session import MediaDescription, Section, SessionDescription

PTIME_MS = 20
SOUND_BPS = 64_000
"""G.722 and G.711 without headers."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What we want; the defaults suit a line of 2 Mbit/s."""

    audio: tuple[Codec, ...] = (Codec.G722, Codec.PCMA, Codec.PCMU, Codec.OPUS)
    """In order of preference.  G.722 is on every room codec seen, France puts A-law first."""
    session_as_kbps: int = 1_536
    video_as_kbps: int = 1_400
    max_mbps: int = 0
    """Least macroblocks/s among the receivers, 0 for no wish; max_fs likewise."""
    max_fs: int = 0
    single_nal_receivers: bool = False
    """Somebody in the meeting receives H.264 mode 0 only: prefer it from this source."""
    vp8: bool = True
    """Where H.264 is not offered."""
    old_pictures: tuple[Codec, ...] = ()
    """H.263 and H.261 in order of preference, where neither is offered and all others know it."""
    offers_old: bool = False
    """Name them in offers as well: H.323 says at once all that it takes."""
    rtcp_mux: bool = False
    """Without DTLS: with it, every handshake less is a gain."""
    secure: bool = False
    """Refuse lines without keys."""
    pictures_stopped: bool = False
    """Take no picture from it for now; what it is sent goes on (RFC 3264 section 8.4)."""

    @property
    def video_br_kbps(self) -> int:
        """Return the max-br that fits under our b=AS, in steps of 10 kbit/s."""
        return payload_bps(self.video_as_kbps * 1_000) // 10_000 * 10

    @property
    def session_tias_bps(self) -> int:
        """Return the b=TIAS that fits under our session b=AS: the picture's and the sound's."""
        return self.video_br_kbps * 1_000 + SOUND_BPS

    def limited(self, *, bps: int = 0, fs: int = 0, mbps: int = 0) -> "Policy":
        """Return the same with no more than this asked of a picture; 0 for no such limit."""
        less = 0 < bps < self.video_br_kbps * 1_000
        video = as_kbps(bps) if less else self.video_as_kbps
        return replace(
            self,
            session_as_kbps=self.session_as_kbps - self.video_as_kbps + video,
            video_as_kbps=video,
            max_fs=min(filter(None, (self.max_fs, fs)), default=0),
            max_mbps=min(filter(None, (self.max_mbps, mbps)), default=0),
        )


@dataclass(frozen=True, slots=True)
class LocalLine:
    """Our end of one m= line."""

    port: int
    rtcp_port: int
    crypto: tuple[str, ...] = ()
    """Values of our a=crypto lines; an answer takes the first, chosen for this very offer."""
    best_effort: bool = False
    """Offer the keys under RTP/AVP: who does not know them goes on in clear (RFC 8643)."""
    setup: str = ""
    """Our part in DTLS: the one we have, or what we offer; "" before there is any."""


@dataclass(frozen=True, slots=True)
class LocalMedia:
    """Our end of a call; None for a line we cannot serve."""

    host: str
    session_id: int
    audio: LocalLine | None
    video: LocalLine | None
    fingerprint: str = ""
    """"sha-256 AB:CD..." where keys may come by DTLS."""

    camera: LocalLine | None = None
    """Far-end camera control, where the room has one other who takes it."""

    def line(self, kind: Kind) -> LocalLine | None:
        """Return our end of a kind."""
        if kind is Kind.CAMERA:
            return self.camera
        return self.audio if kind is Kind.AUDIO else self.video


@dataclass(frozen=True, slots=True)
class Payload:
    """A payload number as we write it."""

    pt: int
    codec: Codec
    fmtp: str = ""
    clock_hz: int = 0
    """0: the codec's own."""
    encoding: str = ""
    """"": the codec's own name."""


def write_session(
    local: LocalMedia, policy: Policy, media: Iterable[MediaDescription], *, peer: Section | None
) -> SessionDescription:
    """Write our description; b=CT (Cisco, Sony) and b=TIAS only for a `peer` that counts so."""
    net = f"IN {'IP6' if ':' in local.host else 'IP4'} {local.host}"
    lines = ["v=0", f"o=sfu {local.session_id} 1 {net}", "s=-", f"c={net}"]
    lines.append(f"b=AS:{policy.session_as_kbps}")
    if peer is not None and section_says(peer, "CT"):
        lines.append(f"b=CT:{policy.session_as_kbps}")
    if peer is not None and section_says(peer, "TIAS"):
        lines.append(f"b=TIAS:{policy.session_tias_bps}")
    lines.append("t=0 0")
    return SessionDescription(tuple(lines), tuple(media))


def write_media(
    kind: Kind,
    protocol: str,
    line: LocalLine,
    payloads: Iterable[Payload],
    *,
    bandwidth: Iterable[str] = (),
    attributes: Iterable[str] = (),
    mux: bool = False,
) -> MediaDescription:
    """Write one m= line of ours that carries something."""
    chosen = list(payloads)
    numbers = " ".join(str(one.pt) for one in chosen)
    name = "application" if kind is Kind.CAMERA else kind.name.lower()
    lines = [f"m={name} {line.port} {protocol} {numbers}", *bandwidth]
    for one in chosen:
        lines.append(rtpmap(one.codec, one.pt, one.clock_hz, one.encoding))
        if one.fmtp:
            lines.append(f"a=fmtp:{one.pt} {one.fmtp}")
    if kind is Kind.AUDIO:
        lines.append(f"a=ptime:{PTIME_MS}")
    lines.append(f"a=rtcp:{line.port if mux else line.rtcp_port}")
    if mux:
        lines.append("a=rtcp-mux")
    return MediaDescription.of([*lines, *attributes])


def refused(media: MediaDescription) -> MediaDescription:
    """Write the refusal of an m= line: port 0, its formats kept (RFC 3264 section 6)."""
    formats = " ".join(media.formats) or "0"
    return MediaDescription.of([f"m={media.media} 0 {media.protocol} {formats}"])


def takes(kind: Kind | None, policy: Policy) -> bool:
    """Tell whether we take now what comes on a line of this kind."""
    return kind is not Kind.VIDEO or not policy.pictures_stopped


def direction(*, send: bool, receive: bool) -> str:
    """Return the attribute that says which ways we use a line."""
    return f"a={_DIRECTIONS[send, receive]}"


_DIRECTIONS = {
    (True, True): "sendrecv",
    (True, False): "sendonly",
    (False, True): "recvonly",
    (False, False): "inactive",
}


def section_says(section: Section, kind: str) -> bool:
    """Tell whether a b= line of a kind is there."""
    return any(field.partition(":")[0].upper() == kind for field in section.fields("b"))
