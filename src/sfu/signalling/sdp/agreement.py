"""What an offer and its answer settle: where to send what, and what may arrive."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import assert_never

from sfu.model import Address, Codec, Kind
from sfu.signalling.capability import Capability, Feedback, H264Limits
from sfu.signalling.sdp.attribute import Fingerprint


@dataclass(frozen=True, slots=True)
class AgreedLine:
    """One accepted m= line of sound or picture."""

    index: int
    kind: Kind
    protocol: str
    remote: Address | None
    """Where RTP goes; None while the peer gives no address (c=0.0.0.0)."""
    rtcp_remote: Address | None
    rtcp_mux: bool
    may_send: bool
    """The peer takes media from us now."""
    may_receive: bool
    """The peer may send now."""
    send: tuple[tuple[int, Codec], ...]
    """(payload type, codec) we may send, the first preferred."""
    receive: tuple[tuple[int, Codec], ...]
    """(payload type, codec) that may arrive; key presses apart."""
    clock_hz: int
    """RTP clock of all of them."""
    single_nal: bool
    """Send H.264 in packetization-mode 0 only."""
    feedback: frozenset[Feedback]
    crypto: str
    """Value of our a=crypto line in force, "" for none."""
    remote_crypto: str
    """Value of the peer's."""
    fingerprints: tuple[Fingerprint, ...]
    """The peer's, where the keys come by DTLS; empty elsewhere."""
    setup: str
    """The peer's part in DTLS: active or passive, "" for none."""
    telephone_event: int | None
    """Payload type key presses arrive with."""
    ptime_ms: int
    parameter_sets: tuple[bytes, ...]
    """SPS and PPS the peer announced."""
    max_bps: int
    """Most video payload the peer takes, 0 for unknown."""
    size: tuple[int, int, int] | None
    """Of H.263 and H.261: width, height and least picture interval, both ways."""

    @property
    def secure(self) -> bool:
        """Tell whether nothing passes in clear."""
        return bool(self.crypto or self.fingerprints)


@dataclass(frozen=True, slots=True)
class Agreement:
    """The lines of a call, None for one that is not used."""

    audio: AgreedLine | None
    video: AgreedLine | None
    capability: Capability
    camera: AgreedLine | None = None

    @property
    def paths(self) -> tuple[AgreedLine, ...]:
        """Return everything that needs a way of its own: the lines, and the camera's."""
        return (*self.lines, self.camera) if self.camera else self.lines

    @property
    def lines(self) -> tuple[AgreedLine, ...]:
        """Return the lines of sound and picture in use."""
        return tuple(line for line in (self.audio, self.video) if line is not None)

    def without(self, kind: Kind) -> "Agreement":
        """Return the same without a line that came to nothing."""
        able = self.capability
        match kind:
            case Kind.AUDIO:
                none: frozenset[Codec] = frozenset()
                return replace(
                    self, audio=None, capability=replace(able, audio_send=none, audio_receive=none)
                )
            case Kind.VIDEO:
                left = capability(self.audio, None, None, can_send_single_nal=False)
                return replace(self, video=None, capability=left)
            case Kind.CAMERA:
                return replace(self, camera=None)
            case _:
                assert_never(kind)


def capability(
    audio: AgreedLine | None,
    video: AgreedLine | None,
    limits: H264Limits | None,
    *,
    can_send_single_nal: bool,
) -> Capability:
    """Return what is left of the peer's capability in this agreement; a hold takes it away."""
    return Capability(
        audio_send=_codecs(audio.receive) if audio and audio.may_receive else frozenset(),
        audio_receive=_codecs(audio.send) if audio and audio.may_send else frozenset(),
        video_send=_codecs(video.receive) if video and video.may_receive else frozenset(),
        video_receive=_codecs(video.send) if video and video.may_send else frozenset(),
        h264=limits if video else None,
        single_nal=video is not None and video.single_nal,
        can_send_single_nal=video is not None and can_send_single_nal,
        pictures=1 if video and video.may_send else 0,
        video_bps=video.max_bps if video else 0,
        forwarded_sounds=False,
        old_size=video.size if video else None,
    )


def _codecs(payloads: Iterable[tuple[int, Codec]]) -> frozenset[Codec]:
    return frozenset(codec for _, codec in payloads)
