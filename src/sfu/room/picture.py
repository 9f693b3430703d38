"""How each member shall encode its one video stream (RFC 6184 section 8.1, field rules of rooms).

Nothing is transcoded and nothing scaled, so a source is asked for what the worst of its viewers
takes: VP8 only while everybody in the room takes VP8, else H.264; packetization mode 0 while a
viewer knows no other; the least of the viewers' bit rates and picture sizes.  H.263 and H.261 pass
between units that have the same codec and the same size, and to nobody else.
"""

from collections.abc import Iterable, Mapping

from sfu.model import Codec, MemberId
from sfu.room.member import Member, Members
from sfu.room.output import SendPicture

FALLBACKS = (Codec.H264, Codec.VP8, Codec.H263, Codec.H263_1998, Codec.H261)
"""Where not all can be served: what most room codecs decode comes first."""


def choose_codec(sender: Member, members: Members) -> Codec | None:
    """Return the codec a member shall send, None for one that sends no video."""
    can_send = sender.capability.video_send
    if not can_send:
        return None
    if Codec.VP8 in can_send and all(
        Codec.VP8 in viewer.capability.video_receive for viewer in _viewers(sender, members)
    ):
        return Codec.VP8
    return next((codec for codec in FALLBACKS if codec in can_send), None)


def takes(viewer: Member, sender: Member, codec: Codec) -> bool:
    """Tell whether a viewer can show a sender's stream of this codec as it can be forwarded."""
    return codec in viewer.capability.video_receive and not needs_transcoding(viewer, sender, codec)


def needs_transcoding(viewer: Member, sender: Member, codec: Codec) -> bool:
    """Tell whether the viewer knows the codec, but not as this sender sends it.

    H.264: only packets too large for the viewer's mode 0 could be sent.  H.263 and H.261: pictures
    of another size, or more of them than the viewer takes.
    """
    if codec.is_old:
        return not _same_size(viewer, sender)
    return (
        codec is Codec.H264
        and viewer.capability.single_nal
        and not sender.capability.can_send_single_nal
    )


def _same_size(viewer: Member, sender: Member) -> bool:
    shown, sent = viewer.capability.old_size, sender.capability.old_size
    return shown is not None and sent is not None and shown[:2] == sent[:2] and shown[2] <= sent[2]


def instruct(sender: Member, codec: Codec, viewers: Iterable[Member]) -> SendPicture:
    """Say how a member shall send to these, its viewers of now."""
    watching = list(viewers)
    capabilities = [viewer.capability for viewer in watching]
    max_bps, bound_by = _least_rate(sender, watching)
    limits = [c.h264 for c in capabilities if c.h264 is not None and codec is Codec.H264]
    return SendPicture(
        member=sender.member,
        codec=codec,
        single_nal=codec is Codec.H264
        and sender.capability.can_send_single_nal
        and any(c.single_nal for c in capabilities),
        max_bps=max_bps,
        max_fs=min((limit.fs for limit in limits if limit.fs > 0), default=0),
        wanted=bool(capabilities),
        max_mbps=min((limit.mbps for limit in limits if limit.mbps > 0), default=0),
        bound_by=bound_by,
    )


def _least_rate(sender: Member, viewers: Iterable[Member]) -> tuple[int, MemberId | None]:
    """Return the least rate its viewers and its own line take, and whose it is; 0 for no limit."""
    rates = [(viewer.reception_bps, viewer.member) for viewer in viewers]
    rates.append((sender.sends_bps, sender.member))
    return min((rate for rate in rates if rate[0] > 0), default=(0, None))


def instruct_all(
    members: Members,
    codecs: Mapping[MemberId, Codec],
    wishes: Mapping[MemberId, Iterable[MemberId]],
) -> list[SendPicture]:
    """Say to every sender how; `wishes` are the senders each viewer would show."""
    watching: dict[MemberId, list[Member]] = {sender: [] for sender in codecs}
    for viewer, senders in wishes.items():
        for sender in senders:
            watching[sender].append(members[viewer])
    return [instruct(members[m], codec, watching[m]) for m, codec in codecs.items()]


def _viewers(sender: Member, members: Members) -> Iterable[Member]:
    """Return who could be served at all: who shares no codec with it changes nothing."""
    return (
        m
        for m in members.values()
        if m is not sender
        and m.views_pictures
        and m.capability.video_receive & sender.capability.video_send
    )
