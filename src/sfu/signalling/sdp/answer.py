"""Our answer to a room codec's offer (RFC 3264 section 6).

::

    offer                                  answer
    m=audio ... 115 102 9 15 0 8 18   ->   m=audio ... 9 8 0     what the mix can decode
    m=video ... 109 96 34 31          ->   m=video ... 109       one H.264 number
    m=application ... TCP/BFCP *      ->   m=application 0 ...   refused, formats kept

The profile (AVP, AVPF, SAVP, SAVPF) is the offered one whatever feedback lines stand beside it:
room codecs write rtcp-fb under RTP/AVP.  Keys are answered under whatever profile they came, too.
"""

import re
from collections.abc import Iterator

from sfu.model import Codec, Kind
from sfu.signalling.capability import Feedback
from sfu.signalling.sdp import h263, h264
from sfu.signalling.sdp.agreement import AgreedLine, Agreement, capability
from sfu.signalling.sdp.attribute import feedback_of, known_feedback
from sfu.signalling.sdp.format import Format
from sfu.signalling.sdp.local import (
    PTIME_MS,
    LocalLine,
    LocalMedia,
    Payload,
    Policy,
    direction,
    refused,
    section_says,
    takes,
    write_media,
    write_session,
)
from sfu.signalling.sdp.peer import SOUND, PeerLine, PeerMedia, h264_limits
from sfu.signalling.sdp.session import MediaDescription, SessionDescription

ROOM_FEEDBACK = frozenset({Feedback.NACK, Feedback.PLI, Feedback.FIR, Feedback.TMMBR})
OPUS_FMTP = "useinbandfec=1"
_DIGITS = re.compile(r"[0-9,-]{1,32}")


def compose_answer(
    offer: SessionDescription, peer: PeerMedia, local: LocalMedia, policy: Policy
) -> tuple[SessionDescription, Agreement]:
    """Answer an offer line by line; what is not agreed is refused, never left out."""
    agreed: dict[int, AgreedLine] = {}
    media = []
    for line, offered in zip(peer.lines, offer.media, strict=True):
        ours = _our_line(line, peer, local, policy)
        payloads = choose(line, policy) if ours is not None else ()
        if ours is None or not payloads:
            media.append(refused(offered))
            continue
        agreed[line.index] = _agreed(line, offered, local, ours, payloads, policy)
        media.append(_written(line, offered, local, ours, payloads, policy))
    session = write_session(local, policy, media, peer=offer)
    return session, _agreement(peer, agreed, policy)


def choose(line: PeerLine, policy: Policy) -> tuple[Payload, ...]:
    """Return what we answer on a line of sound or picture, empty where nothing is common."""
    if line.kind is Kind.AUDIO:
        return _sound(line, policy)
    if line.kind is Kind.CAMERA:
        form = line.of(Codec.H224)
        return (Payload(form.pt, Codec.H224),) if form else ()
    return tuple(_picture(line, policy))


def feedback_lines(media: MediaDescription, numbers: frozenset[int]) -> Iterator[str]:
    """Yield the offered rtcp-fb attributes we know, as they came, for the chosen numbers."""
    for text in media.values("rtcp-fb"):
        words = text.split()
        if len(words) < 2 or words[0] not in {"*", *(str(pt) for pt in numbers)}:
            continue
        kind, *rest = (word.lower() for word in words[1:])
        known = known_feedback([kind, *rest])
        if known and kind in ("nack", "ccm"):
            yield f"a=rtcp-fb:{' '.join([words[0], kind, *filter(None, known.values())])}"


def keyed_by_dtls(line: PeerLine, local: LocalMedia, ours: LocalLine) -> bool:
    """Tell whether DTLS gives the keys of an offered line.

    It does where the profile says so, and where a certificate is all it has (RFC 8643 section 3).
    """
    if not local.fingerprint or not line.usable_fingerprints:
        return False
    return line.dtls or not remote_crypto(line, ours)


def own_part(line: PeerLine, ours: LocalLine) -> str:
    """Return our part in DTLS: what theirs leaves us (RFC 5763 section 5), else as it was."""
    left = {"passive": "active", "active": "passive"}
    return left.get(line.setup) or (ours.setup if ours.setup in left else "passive")


def reversed_part(setup: str) -> str:
    """Return the part in DTLS that is left to the other end."""
    return "passive" if setup == "active" else "active"


def dtls_attributes(setup: str, local: LocalMedia) -> list[str]:
    """Return the attributes that say who we are, and who begins."""
    return [f"a=setup:{setup}", f"a=fingerprint:{local.fingerprint}"]


def key_attributes(line: PeerLine, local: LocalMedia, ours: LocalLine) -> list[str]:
    """Return the attributes that give our keys, if the line has any."""
    if keyed_by_dtls(line, local, ours):
        return dtls_attributes(own_part(line, ours), local)
    return [f"a=crypto:{ours.crypto[0]}"] if remote_crypto(line, ours) else []


def remote_crypto(line: PeerLine, ours: LocalLine) -> str:
    """Return the peer's a=crypto line with the tag of ours (RFC 4568 section 5.1.3)."""
    tag = ours.crypto[0].split(None, 1)[0] if ours.crypto else ""
    return next((one.text for one in line.crypto if str(one.tag) == tag), "")


def _our_line(
    line: PeerLine, peer: PeerMedia, local: LocalMedia, policy: Policy
) -> LocalLine | None:
    """Return our end, None where the line is not ours to take or has no keys we can use."""
    if line.kind is None or line.index not in (peer.audio, peer.video, peer.camera):
        return None
    ours = local.line(line.kind)
    if ours is None or keyed_by_dtls(line, local, ours):
        return ours
    if line.dtls or ((line.secure or policy.secure) and not remote_crypto(line, ours)):
        return None
    return ours


def mux_wanted(line: PeerLine, policy: Policy, *, dtls: bool) -> bool:
    """Tell whether RTCP shares the port of RTP: a handshake less, or a wish."""
    return line.rtcp_mux and (policy.rtcp_mux or dtls)


def _sound(line: PeerLine, policy: Policy) -> tuple[Payload, ...]:
    """Choose all codecs of one RTP clock, so that a peer may change among them in mid call."""
    found = [form for codec in policy.audio if codec in SOUND and (form := line.of(codec))]
    if not found:
        return ()
    clock_hz = found[0].clock_hz
    chosen = [_sound_payload(form) for form in found if form.clock_hz == clock_hz]
    events = [form for form in line.formats if form.codec is Codec.TELEPHONE_EVENT]
    events.sort(key=lambda form: (form.clock_hz != clock_hz, form.clock_hz))
    return (*chosen, *map(_sound_payload, events[:1]))


def _sound_payload(form: Format) -> Payload:
    assert form.codec is not None
    if form.codec is Codec.TELEPHONE_EVENT:
        digits = form.fmtp if _DIGITS.fullmatch(form.fmtp) else "0-15"
        return Payload(form.pt, form.codec, digits, form.clock_hz)
    return Payload(form.pt, form.codec, OPUS_FMTP if form.codec is Codec.OPUS else "")


def _picture(line: PeerLine, policy: Policy) -> Iterator[Payload]:
    """Choose one number: two H.264 numbers in an answer confuse some units."""
    single_nal = policy.single_nal_receivers
    form = h264.choose(line.formats, single_nal=single_nal)
    if form is not None:
        yield picture_payload(form, policy)
        return
    others = [Codec.VP8] if policy.vp8 else []
    others += policy.old_pictures if not line.of(Codec.H264) else ()
    form = next((form for codec in others if (form := line.of(codec))), None)
    if form is not None and form.codec is not None:
        old = form.codec.is_old
        fmtp = h263.own_fmtp(form, max_br_kbps=policy.video_br_kbps) if old else ""
        yield Payload(form.pt, form.codec, fmtp, encoding=form.encoding if old else "")


def picture_payload(form: Format, policy: Policy) -> Payload:
    """Write an H.264 format with our limits."""
    fmtp = h264.own_fmtp(
        form, max_mbps=policy.max_mbps, max_fs=policy.max_fs, max_br=policy.video_br_kbps
    )
    return Payload(form.pt, Codec.H264, fmtp)


def _written(
    line: PeerLine,
    offered: MediaDescription,
    local: LocalMedia,
    ours: LocalLine,
    payloads: tuple[Payload, ...],
    policy: Policy,
) -> MediaDescription:
    assert line.kind is not None
    video = line.kind is Kind.VIDEO
    attributes = list(feedback_lines(offered, frozenset(one.pt for one in payloads)))
    if line.content:
        attributes.append(f"a=content:{line.content}")
    attributes += key_attributes(line, local, ours)
    receive = line.sends and takes(line.kind, policy)
    attributes.append(direction(send=line.receives, receive=receive))
    return write_media(
        line.kind,
        line.protocol,
        ours,
        payloads,
        bandwidth=bandwidth_lines(offered, policy) if video else (),
        attributes=attributes,
        mux=mux_wanted(line, policy, dtls=keyed_by_dtls(line, local, ours)),
    )


def bandwidth_lines(offered: MediaDescription, policy: Policy) -> list[str]:
    """Return our limits for a line of video, in the dialects the peer uses itself."""
    lines = [f"b=AS:{policy.video_as_kbps}"]
    if section_says(offered, "TIAS"):
        lines.append(f"b=TIAS:{policy.video_br_kbps * 1_000}")
    return lines


def _agreed(
    line: PeerLine,
    offered: MediaDescription,
    local: LocalMedia,
    ours: LocalLine,
    payloads: tuple[Payload, ...],
    policy: Policy,
) -> AgreedLine:
    assert line.kind is not None
    media = [one for one in payloads if one.codec is not Codec.TELEPHONE_EVENT]
    event = next((one.pt for one in payloads if one.codec is Codec.TELEPHONE_EVENT), None)
    numbers = tuple((one.pt, one.codec) for one in media)
    form = next(form for form in line.formats if form.pt == media[0].pt)
    dtls = keyed_by_dtls(line, local, ours)
    mux = mux_wanted(line, policy, dtls=dtls)
    theirs = "" if dtls else remote_crypto(line, ours)
    return AgreedLine(
        index=line.index,
        kind=line.kind,
        protocol=line.protocol,
        remote=line.rtp,
        rtcp_remote=line.rtp if mux else line.rtcp,
        rtcp_mux=mux,
        may_send=line.receives,
        may_receive=line.sends and takes(line.kind, policy),
        send=numbers,
        receive=numbers,
        clock_hz=media[0].codec.clock_hz,
        single_nal=form.codec is Codec.H264 and h264.mode_of(form) == 0,
        feedback=feedback_of(offered, form.pt) & ROOM_FEEDBACK,
        crypto=ours.crypto[0] if theirs else "",
        remote_crypto=theirs,
        fingerprints=line.usable_fingerprints if dtls else (),
        setup=reversed_part(own_part(line, ours)) if dtls else "",
        telephone_event=event,
        ptime_ms=line.ptime_ms or PTIME_MS,
        parameter_sets=h264.parameter_sets(form),
        max_bps=max_bps(line, form),
        size=h263.shared_size(form) if media[0].codec.is_old else None,
    )


def max_bps(line: PeerLine, form: Format) -> int:
    """Return the video payload rate the peer takes, by b= and max-br; 0 for unknown."""
    limits = h264.limits_of(form) if form.codec is Codec.H264 else None
    known = [line.max_bps] if line.max_bps else []
    if form.codec is not None and form.codec.is_old:
        known += filter(None, [h263.h263_limits_of(form).max_bps])
    if limits is not None:
        known.append(limits.br_kbps * 1_000)
    return min(known, default=0)


def _agreement(peer: PeerMedia, agreed: dict[int, AgreedLine], policy: Policy) -> Agreement:
    audio = agreed.get(peer.audio) if peer.audio is not None else None
    video = agreed.get(peer.video) if peer.video is not None else None
    limits = None
    if video is not None:
        forms = peer.lines[video.index].formats
        limits = h264_limits(forms, single_nal=policy.single_nal_receivers)
    able = limits is not None and 0 in limits.modes
    camera = agreed.get(peer.camera) if peer.camera is not None else None
    can = capability(audio, video, limits, can_send_single_nal=able)
    return Agreement(audio, video, can, camera)
