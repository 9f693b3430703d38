"""What two members are told when nothing can carry one to the other without transcoding.

Both hear of it, each about the other, for as long as it holds.  When one of them leaves nothing
is said: whoever shows notices drops those about a member with the member.
"""

from collections.abc import Mapping

from sfu.model import Codec, MemberId
from sfu.room.member import Member, Members
from sfu.room.output import NoticeCode
from sfu.room.picture import needs_transcoding

Notice = tuple[MemberId, NoticeCode, MemberId]
"""Who is told, what, about whom."""


def find_notices(
    members: Members, codecs: Mapping[MemberId, Codec], *, mixing: bool
) -> set[Notice]:
    """Return every notice that holds now."""
    notices: set[Notice] = set()
    for sender in members.values():
        for receiver in members.values():
            if sender is receiver:
                continue
            for code in _between(sender, receiver, codecs, mixing=mixing):
                notices.add((receiver.member, code, sender.member))
                notices.add((sender.member, code, receiver.member))
    return notices


def _between(
    sender: Member, receiver: Member, codecs: Mapping[MemberId, Codec], *, mixing: bool
) -> list[NoticeCode]:
    found = []
    codec = codecs.get(sender.member)
    if codec is not None and receiver.views_pictures:
        if codec not in receiver.capability.video_receive:
            found.append(NoticeCode.NO_COMMON_PICTURE_CODEC)
        elif needs_transcoding(receiver, sender, codec):
            found.append(NoticeCode.PICTURE_NEEDS_TRANSCODING)
    if not mixing and _share_no_sound(sender, receiver):
        found.append(NoticeCode.NO_COMMON_SOUND_CODEC)
    return found


def _share_no_sound(sender: Member, receiver: Member) -> bool:
    sent = {sender.sound} if sender.sound is not None else set(sender.capability.audio_send)
    taken = receiver.capability.audio_receive
    return bool(sent) and bool(taken) and sent.isdisjoint(taken)
