"""What a member's sounds and headers cost its line, as its descriptions settled them."""

from dataclasses import dataclass

from sfu.media.allocation.budget import Sound
from sfu.media.allocation.encapsulation import ip_bytes
from sfu.media.allocation.voice import (
    HMAC_80_BYTES,
    RTP_BYTES,
    extension_bytes,
    protection_bytes,
    voice,
)
from sfu.model import Codec, Keys
from sfu.signalling.sdp.agreement import AgreedLine
from sfu.signalling.webrtc.offer import ExtensionIds

MIX_BPS = 24_000
"""Opus of the mix (`worker/opus.py`)."""
MID_BYTES = 2
GCM_BYTES = 16
"""What DTLS with browsers settles on."""


@dataclass(frozen=True, slots=True)
class Twice:
    """Which of a member's sounds go with the packet before beside them (RFC 2198)."""

    down: bool = False
    """Those it hears."""
    up: bool = False
    """Its own."""


ONCE = Twice()


@dataclass(frozen=True, slots=True)
class Voices:
    """The sounds of one member: reserved on its line, whoever speaks."""

    down: tuple[Sound, ...] = ()
    """To it: the mix it hears."""
    up: tuple[Sound, ...] = ()
    forwarded: Sound | None = None
    """One voice handed on to it untouched; None where it hears the mix alone."""
    headers_down: int = 40
    """Bytes of IP beside the payload of each picture's packet we send it."""
    headers_up: int = 40


NO_VOICES = Voices()
_USUAL = voice(Codec.G722)
PRESUMED = Voices((_USUAL,), (_USUAL,))
"""Of a codec before its descriptions were exchanged."""
USUAL_EXTENSIONS = ExtensionIds(mid=1, audio_level=2, transport_cc=3, abs_send_time=4)
"""What browsers agree to, before this one has said."""


def of_codec(
    audio: AgreedLine | None, ptime_ms: int, sending: Keys | None, *, ipv6: bool
) -> Voices:
    """Return the sounds of a room codec: one mix to it, one voice from it."""
    tag = protection_bytes(sending)
    if audio is not None and audio.secure and sending is None:
        tag = HMAC_80_BYTES  # DTLS has still to settle it
    headers = ip_bytes(RTP_BYTES + tag, ipv6=ipv6)
    if audio is None:
        return Voices(headers_down=headers, headers_up=headers)
    down = [voice(audio.send[0][1], ptime_ms, headers_bytes=tag, ipv6=ipv6)] if audio.send else []
    heard = [codec for _, codec in audio.receive]
    up = [voice(heard[0], audio.ptime_ms, headers_bytes=tag, ipv6=ipv6)] if heard else []
    return Voices(
        tuple(down) if audio.may_send else (),
        tuple(up) if audio.may_receive else (),
        None,
        headers,
        headers,
    )


def of_browser(
    ids: ExtensionIds, *, hears_mix: bool, ipv6: bool, mix_ptime_ms: int = 20,
    mix_bps: int = 0, twice: Twice = ONCE,
) -> Voices:  # fmt: skip
    """Return the sounds of a browser: its own, the mix while it hears one, and each forwarded."""
    lengths = ((ids.mid, MID_BYTES), (ids.transport_cc, 2), (ids.abs_send_time, 3))
    stamps = [length for number, length in lengths if number]
    level = [1] if ids.audio_level else []
    picture = extension_bytes(stamps) + GCM_BYTES
    sound = extension_bytes([*stamps, *level]) + GCM_BYTES
    own = voice(Codec.OPUS, headers_bytes=sound, ipv6=ipv6, twice=twice.up)
    other = voice(Codec.OPUS, headers_bytes=sound, ipv6=ipv6, twice=twice.down)
    mix = voice(
        Codec.OPUS, mix_ptime_ms, headers_bytes=sound, ipv6=ipv6, opus_bps=mix_bps or MIX_BPS,
        twice=twice.down,
    )  # fmt: skip
    headers = ip_bytes(RTP_BYTES + picture, ipv6=ipv6)
    return Voices((mix,) if hears_mix else (), (own,), other, headers, headers)
