"""Our offers to room codecs, and what their answers settle (RFC 3264 sections 5, 7 and 8).

An offer is made when we dial, when the caller left it to us (delayed offer), and in mid call.
In mid call the m= lines keep number and order, and payload numbers keep their meaning.
"""

from collections.abc import Iterable, Iterator

from sfu.model import Codec, Kind
from sfu.signalling.sdp import h263, h264
from sfu.signalling.sdp.agreement import AgreedLine, Agreement, capability
from sfu.signalling.sdp.answer import (
    OPUS_FMTP,
    ROOM_FEEDBACK,
    choose,
    dtls_attributes,
    keyed_by_dtls,
    max_bps,
    own_part,
    picture_payload,
)
from sfu.signalling.sdp.attribute import feedback_of
from sfu.signalling.sdp.format import Format
from sfu.signalling.sdp.local import (
    PTIME_MS,
    LocalLine,
    LocalMedia,
    Payload,
    Policy,
    direction,
    refused,
    takes,
    write_media,
    write_session,
)
from sfu.signalling.sdp.peer import PICTURES, SOUND, PeerLine, PeerMedia, h264_limits, read_offer
from sfu.signalling.sdp.session import MediaDescription, SessionDescription

NUMBERS = {Codec.G722: 9, Codec.PCMA: 8, Codec.PCMU: 0, Codec.OPUS: 111}
TELEPHONE_EVENT = 101
H264_BY_MODE = {1: 97, 0: 98}
VP8 = 99
OLD_BY_CODEC = {Codec.H263: 34, Codec.H261: 31}
OLD_FMTP = "CIF=1;QCIF=1"
PROFILE_LEVEL = "42801f"
"""Baseline 3.1: 720p at 30; constraint_set0 alone, as room codecs write it."""
OURS = SOUND | PICTURES | {Codec.H224}
FEEDBACK = ("nack pli", "ccm fir", "ccm tmmbr")


def compose_offer(local: LocalMedia, policy: Policy) -> SessionDescription:
    """Offer what we have to somebody we know nothing of."""
    media = []
    for kind, payloads in ((Kind.AUDIO, _sound(policy)), (Kind.VIDEO, _pictures(policy))):
        ours = local.line(kind)
        if ours is not None:
            keys = [f"a=crypto:{text}" for text in ours.crypto]
            if ours.setup:
                keys += dtls_attributes(ours.setup, local)
            mux = policy.rtcp_mux or bool(ours.setup)
            media.append(_written(kind, _protocol(ours), ours, payloads, policy, keys, mux=mux))
    return write_session(local, policy, media, peer=None)


def compose_reoffer(
    remote: SessionDescription, peer: PeerMedia, local: LocalMedia, policy: Policy
) -> SessionDescription:
    """Offer anew in mid call; `remote` is the peer's last description, read as `peer`.

    Sound and picture are offered in full, other lines stay refused.  With
    `policy.single_nal_receivers` H.264 is offered in mode 0 alone.
    """
    media = []
    for line, theirs in zip(peer.lines, remote.media, strict=True):
        ours = local.line(line.kind) if line.kind else None
        by_dtls = ours is not None and keyed_by_dtls(line, local, ours)
        lost = line.dtls and not by_dtls
        if ours is None or lost or line.index not in (peer.audio, peer.video, peer.camera):
            media.append(refused(theirs))
            continue
        assert line.kind is not None
        payloads = _again(line, policy)
        keys = [f"a=crypto:{text}" for text in ours.crypto]
        if by_dtls:  # the part we have, so that the association lasts (RFC 8842 section 5.5)
            keys = dtls_attributes(own_part(line, ours), local)
        mux = policy.rtcp_mux or (by_dtls and line.rtcp_mux)
        media.append(_written(line.kind, line.protocol, ours, payloads, policy, keys, mux=mux))
    return write_session(local, policy, media, peer=remote)


def read_answer(offer: SessionDescription, answer: SessionDescription) -> Agreement:
    """Read what the peer took of our offer; lines it left out count as refused."""
    ours, theirs = read_offer(offer), read_offer(answer)
    found: dict[Kind, AgreedLine] = {}
    for mine, line, described in zip(ours.lines, theirs.lines, answer.media, strict=False):
        if line.kind is None or line.kind is not mine.kind or line.kind in found:
            continue
        agreed = _agreed(mine, line, described)
        if agreed is not None:
            found[line.kind] = agreed
    audio, video = found.get(Kind.AUDIO), found.get(Kind.VIDEO)
    limits = h264_limits(theirs.lines[video.index].formats) if video else None
    able = limits is not None and 0 in limits.modes
    can = capability(audio, video, limits, can_send_single_nal=able)
    return Agreement(audio, video, can, found.get(Kind.CAMERA))


def _sound(policy: Policy) -> Iterator[Payload]:
    for codec in policy.audio:
        if codec in NUMBERS:
            yield Payload(NUMBERS[codec], codec, OPUS_FMTP if codec is Codec.OPUS else "")
    yield Payload(TELEPHONE_EVENT, Codec.TELEPHONE_EVENT, "0-15", 8_000)


def _pictures(policy: Policy) -> Iterator[Payload]:
    for mode in (0,) if policy.single_nal_receivers else (1, 0):
        yield _own_h264(H264_BY_MODE[mode], mode, policy)
    if policy.vp8 and not policy.single_nal_receivers:
        yield Payload(VP8, Codec.VP8)
    for codec in policy.old_pictures if policy.offers_old else ():
        if codec in OLD_BY_CODEC:
            yield Payload(OLD_BY_CODEC[codec], codec, OLD_FMTP)


def _own_h264(pt: int, mode: int, policy: Policy) -> Payload:
    parameters = (("profile-level-id", PROFILE_LEVEL), ("packetization-mode", str(mode)))
    return picture_payload(Format(pt, "H264", 90_000, parameters, "", Codec.H264), policy)


def _again(line: PeerLine, policy: Policy) -> tuple[Payload, ...]:
    """Return what we offer on a line that already lives, under the numbers it has."""
    if line.kind is not Kind.VIDEO:
        return choose(line, policy)
    forms = h264.usable(line.formats)
    if not forms:
        return choose(line, policy)
    modes = (0,) if policy.single_nal_receivers else (1, 0)
    taken = {form.pt for form in line.formats}
    found = []
    for mode in modes:
        form = next((form for form in forms if h264.mode_of(form) == mode), None)
        if form is not None:
            found.append(picture_payload(form, policy))
        else:
            pt = next(pt for pt in (*range(96, 128), H264_BY_MODE[mode]) if pt not in taken)
            taken.add(pt)
            found.append(_own_h264(pt, mode, policy))
    return tuple(found)


def _protocol(ours: LocalLine) -> str:
    if ours.setup:
        return "UDP/TLS/RTP/SAVP"
    return "RTP/SAVP" if ours.crypto and not ours.best_effort else "RTP/AVP"


def _written(
    kind: Kind,
    protocol: str,
    ours: LocalLine,
    payloads: Iterable[Payload],
    policy: Policy,
    keys: Iterable[str],
    *,
    mux: bool,
) -> MediaDescription:
    video = kind is Kind.VIDEO
    attributes = [f"a=rtcp-fb:* {words}" for words in FEEDBACK] if video else []
    attributes += keys
    attributes.append(direction(send=True, receive=takes(kind, policy)))
    limits = (f"b=AS:{policy.video_as_kbps}", f"b=TIAS:{policy.video_br_kbps * 1_000}")
    return write_media(
        kind,
        protocol,
        ours,
        payloads,
        bandwidth=limits if video else (),
        attributes=attributes,
        mux=mux,
    )


def _common(mine: PeerLine, line: PeerLine) -> tuple[tuple[int, Codec], ...]:
    """Return (number, codec) of what was taken, one number for each codec, one RTP clock."""
    picture = h264.choose(line.formats)
    found: dict[Codec, int] = {}
    for form in line.formats:
        if form.codec is None or form.codec not in OURS & mine.codecs & line.codecs:
            continue
        if form.codec is not Codec.H264 or form is picture:
            found.setdefault(form.codec, form.pt)
    clocks = [codec.clock_hz for codec in found]
    return tuple((pt, codec) for codec, pt in found.items() if codec.clock_hz == clocks[0])


def _receive(
    mine: PeerLine, line: PeerLine, send: tuple[tuple[int, Codec], ...]
) -> tuple[tuple[int, Codec], ...]:
    """Return what may arrive: our numbers, and the answer's where the peer prefers its own."""
    found: dict[int, Codec] = {}
    for codec in dict.fromkeys(codec for _, codec in send):
        found.update({form.pt: codec for form in mine.formats if form.codec is codec})
        for form in line.formats:
            if form.codec is codec:
                found.setdefault(form.pt, codec)
    return tuple(found.items())


def _crypto(mine: PeerLine, line: PeerLine) -> tuple[str, str]:
    """Return our a=crypto value and the peer's of the same tag, both "" where none was taken."""
    for theirs in line.crypto[:1]:
        for own in mine.crypto:
            if own.tag == theirs.tag:
                return own.text, theirs.text
    return "", ""


def _by_dtls(mine: PeerLine, line: PeerLine) -> bool:
    """Tell whether both ends named a certificate, and we nothing else they took."""
    return bool(mine.fingerprints and line.usable_fingerprints) and not _crypto(mine, line)[0]


def _agreed(mine: PeerLine, line: PeerLine, described: MediaDescription) -> AgreedLine | None:
    send, (own, theirs) = _common(mine, line), _crypto(mine, line)
    if not line.port or not send or line.kind is None:
        return None
    dtls = _by_dtls(mine, line)
    if (line.secure or mine.secure) and not (own or dtls):
        return None  # what was offered encrypted is never carried in clear
    form = next(form for form in line.formats if form.pt == send[0][0])
    mux = mine.rtcp_mux and line.rtcp_mux
    return AgreedLine(
        index=line.index,
        kind=line.kind,
        protocol=line.protocol,
        remote=line.rtp,
        rtcp_remote=line.rtp if mux else line.rtcp,
        rtcp_mux=mux,
        may_send=line.receives,
        may_receive=line.sends and mine.receives,
        send=send,
        receive=_receive(mine, line, send),
        clock_hz=send[0][1].clock_hz,
        single_nal=form.codec is Codec.H264 and h264.mode_of(form) == 0,
        feedback=feedback_of(described, form.pt) & ROOM_FEEDBACK,
        crypto=own,
        remote_crypto=theirs,
        fingerprints=line.usable_fingerprints if dtls else (),
        setup=("passive" if line.setup == "passive" else "active") if dtls else "",
        telephone_event=mine.telephone_event if line.telephone_event is not None else None,
        ptime_ms=line.ptime_ms or PTIME_MS,
        parameter_sets=h264.parameter_sets(form),
        max_bps=max_bps(line, form),
        size=h263.shared_size(form) if send[0][1].is_old else None,
    )
