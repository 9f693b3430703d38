"""Rooms and calls as operators see them: who is in, and the records of who was."""

from sfu.api.moment import iso
from sfu.api.view import CallView, MemberView, RoomView
from sfu.model import RoomId
from sfu.shell.house import Guest, House
from sfu.shell.record import CallRecord


def rooms(house: House) -> list[RoomView]:
    """Show rooms with somebody in them, and the configured ones."""
    configured = (RoomId(room.number) for room in house.settings.room)
    return [_room(house, number) for number in dict.fromkeys([*house.meetings, *configured])]


def _room(house: House, number: RoomId) -> RoomView:
    known = house.settings.find_room(number)
    meeting = house.meetings.get(number)
    guests = [] if meeting is None else [house.guests[one] for one in meeting.legs]
    return RoomView(
        room=number,
        name=known.name if known else "",
        pin=bool(known and known.pin),
        members=tuple(_member(house, guest) for guest in guests),
    )


def _member(house: House, guest: Guest) -> MemberView:
    leg = guest.leg
    return MemberView(
        member=leg.member,
        name=leg.name,
        protocol=leg.protocol.value,
        endpoint=leg.model,
        call=int(house.store.row_of(guest.record)),
        joined_at=iso(guest.joined_at),
        video=house.video_state(guest),
    )


def view(record: CallRecord) -> CallView:
    """Show a call by its record; one that lasts ends, for now, where it was last seen."""
    end = record.left_at if record.left_at is not None else record.last_seen_at
    return CallView(
        call=int(record.id),
        room=record.room,
        protocol=record.protocol,
        caller=record.caller,
        name=record.name,
        direction=record.direction,
        started_at=iso(record.joined_at),
        ended_at=iso(record.left_at) if record.left_at is not None else None,
        duration_s=max(0.0, end - record.joined_at),
        reason=record.cause,
        status=record.status,
        site=record.site,
        endpoint=record.model,
        text=record.status_text,
        received_bytes=record.received_bytes,
        sent_bytes=record.sent_bytes,
        loss=_share(record.lost_packets, record.received_packets),
    )


def _share(lost: int, received: int) -> float:
    return round(lost / (lost + received), 4) if lost > 0 else 0.0
