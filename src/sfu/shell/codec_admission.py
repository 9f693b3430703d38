"""A room codec's descriptions as its line bears them: whole, as sound, or not at all.

::

    offer --> answer --> weighed --full--------> said
                            |------sound only--> answered anew, without pictures
                            `------nothing-----> LineFull
"""

from sfu.errors import UseError
from sfu.media.allocation.admission import Admitted
from sfu.model import RoomId
from sfu.shell.codec_leg import CodecLeg
from sfu.shell.house import House


class LineFull(UseError):
    """A line has no room for the speech of one call more."""


def describe(house: House, leg: CodecLeg, offer: bytes | None) -> bytes:
    """Answer, or offer, what its line bears; LineFull where that is not even its speech."""
    if offer is None:
        admit(house, leg, sees=True, shows=True)
        return leg.offer()
    body = leg.answer(offer)
    able = leg.capability
    if not admit(house, leg, sees=bool(able.pictures), shows=bool(able.video_send)):
        body = leg.answer(offer)
    return body


def admit(house: House, leg: CodecLeg, *, sees: bool, shows: bool) -> bool:
    """Weigh a call; False where it shall do without pictures, LineFull without anything."""
    sharing = house.sharing
    verdict = sharing.weigh(
        leg.line, leg.voices(), browser=False, sees=sees, shows=shows,
        beside=leg.line is None, newcomer=leg.member,
    )  # fmt: skip
    sharing.decided(verdict, member=leg.member)
    if verdict.outcome is Admitted.REFUSED:
        raise LineFull(verdict.sentence)
    sharing.arrive(leg)
    if verdict.outcome is Admitted.SOUND_ONLY:
        leg.without_pictures()
        return False
    return True


def redescribe(house: House, leg: CodecLeg, offer: bytes) -> bytes:
    """Answer a change; who came without pictures has them once its line bears them."""
    if leg.sound_only:
        verdict = house.sharing.weigh(
            leg.line, leg.voices(), browser=False, sees=True, shows=True,
            beside=leg.line is None, newcomer=leg.member,
        )  # fmt: skip
        if verdict.outcome is Admitted.FULL:
            leg.with_pictures()
    return leg.answer(offer)


def prefer(house: House, leg: CodecLeg, room: RoomId) -> None:
    """Let those already inside decide what the newcomer may send."""
    meeting = house.meetings.get(room)
    others = [other.capability for other in meeting.legs.values()] if meeting else []
    leg.prefer_single_nal(any(other.single_nal for other in others))
    leg.allow_old_pictures(others)
    inside = list(meeting.legs.values()) if meeting else []
    leg.share_camera(len(inside) < 2 and all(other.streams.camera for other in inside))


def abandon(house: House, leg: CodecLeg) -> None:
    """Give back what a call had that is not taken."""
    house.sharing.depart(leg)
    leg.close()
