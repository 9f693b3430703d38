"""Meetings of now as the web side shows them, gathered from house, engine and lines."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import structlog

from sfu.api.live_view import (
    FlowView,
    HourView,
    LegView,
    LiveView,
    LoadView,
    MeetingView,
    SampleView,
    StepView,
    TermsView,
    TestView,
    VisitorView,
)
from sfu.api.moment import iso
from sfu.config import Room
from sfu.errors import UseError
from sfu.media.showing import video_state, ways
from sfu.metrics.maker import maker_of
from sfu.model import MemberId, RoomId
from sfu.shell.house import Guest, House
from sfu.shell.leg import Leg
from sfu.shell.lines import AccessLine
from sfu.shell.meeting import Meeting
from sfu.shell.picture_terms import Terms, terms_of
from sfu.shell.roomtest import Checked
from sfu.shell.watch import SAMPLE_S, Flow, Flows

log = structlog.get_logger()

TERMS = {
    "priority": "priority",
    "picture_floor_bps": "floor_bps",
    "picture_max_bps": "most_bps",
}
USUAL = Terms(Room.priority, 0, 0)


def view(house: House) -> LiveView:
    """Show all meetings and lines of now."""
    house.watch.look(house.clock())
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    meetings = tuple(_meeting(house, one) for one in house.meetings.values())
    behind = house.sharing.by_line()
    loads = tuple(_load(house, line, len(behind[line.line])) for line in house.lines)
    return LiveView(now, meetings, loads)


def hour(house: House, name: str) -> HourView | None:
    """Show a line's last hour; None for no such line."""
    line = next((one for one in house.lines if one.name == name), None)
    if line is None:
        return None
    now = house.clock()
    samples = tuple(
        SampleView(
            round(now - one.at, 1), one.sent_bps, one.received_bps, one.estimate_bps,
            one.queue_ms, one.dropped, one.paused,
        )
        for one in house.watch.hours.get(line.line, ())
    )  # fmt: skip
    return HourView(name, line.send_bps or 0, line.receive_bps or 0, SAMPLE_S, samples)


def tested(target: str, checked: Checked) -> TestView:
    """Show how a test went."""
    outcome, flows = checked.outcome, checked.flows or Flows()
    return TestView(
        target, outcome.answered, outcome.cause, outcome.status, outcome.text, checked.model,
        checked.line, checked.findings, _flow(flows.sound_in), _flow(flows.picture_in),
        _flow(flows.sound_out), _flow(flows.picture_out), checked.keyframes, flows.level_dbov,
        _ms(flows.rtt_s),
    )  # fmt: skip


def meeting_in(house: House, room: str) -> Meeting | None:
    """Return the meeting that goes on in a room, None for none."""
    meeting = house.meetings.get(RoomId(room))
    return meeting if meeting is not None and meeting.legs else None


def change_member(house: House, member: MemberId, wishes: Mapping[str, Any]) -> bool:
    """Change a member; False for no such one.

    Raises `UseError` where its pictures shall have more than they may.
    """
    guest = house.guests.get(member)
    if guest is None:
        return False
    leg, said = guest.leg, {TERMS[key]: value for key, value in wishes.items() if key in TERMS}
    before, leg.terms = leg.terms, replace(leg.terms, **said)
    terms = house.sharing.terms_of(leg).over(room_terms(house, guest.meeting))
    if 0 < (terms.most_bps or 0) < (terms.floor_bps or 0):
        leg.terms = before
        raise UseError(f"a floor of {terms.floor_bps} is above the most of {terms.most_bps}")
    if said:
        log.info("picture_terms", member=member, room=guest.meeting.id, **wishes)
    if "muted" in wishes:
        house.mute(member, wishes["muted"])
    return True


def room_terms(house: House, meeting: Meeting) -> Terms:
    """Return what the settings say of a room's pictures."""
    return terms_of(house.settings.find_room(meeting.id)).over(USUAL)


def _terms(terms: Terms) -> TermsView:
    return TermsView(terms.priority or 0, terms.floor_bps or 0, terms.most_bps or 0)


def _meeting(house: House, meeting: Meeting) -> MeetingView:
    return MeetingView(
        meeting.id,
        meeting.name,
        house.is_protected(meeting.id),
        iso(meeting.began_at),
        meeting.layout,
        meeting.pinned,
        tuple(_leg(house, house.guests[one]) for one in meeting.legs if one in house.guests),
        house.waiting_rooms.is_locked(meeting.id),
        tuple(VisitorView(*one) for one in house.waiting_rooms.waiting(meeting.id).items()),
    )


def _leg(house: House, guest: Guest) -> LegView:
    leg, meeting = guest.leg, guest.meeting
    flows = house.watch.flows.get(leg.member, Flows())
    seen = house.showing(guest)
    from_it, to_it = ways(seen)
    return LegView(
        member=leg.member,
        name=leg.name,
        protocol=leg.protocol.value,
        site=leg.site,
        endpoint=leg.model,
        maker=maker_of(leg.model),
        call=int(house.store.row_of(guest.record)),
        joined_at=iso(guest.joined_at),
        muted=meeting.is_muted(leg.member),
        speaks=meeting.speaker == leg.member,
        pinned=meeting.pinned == leg.member,
        level_dbov=flows.level_dbov,
        video=video_state(seen).value,
        picture_from=from_it,
        picture_to=to_it,
        sees=meeting.shown_to(leg.member),
        sound_received=_flow(flows.sound_in),
        picture_received=_flow(flows.picture_in),
        sound_sent=_flow(flows.sound_out),
        picture_sent=_flow(flows.picture_out),
        rtt_ms=_ms(flows.rtt_s),
        line=leg.line.name if leg.line is not None else "",
        steps=tuple(_steps(house, meeting, leg)),
        terms=_terms(house.sharing.terms_of(leg).over(room_terms(house, meeting))),
    )


def _steps(house: House, meeting: Meeting, leg: Leg) -> list[StepView]:
    """List what a member is shown less of than it wants."""
    given = house.sharing.given_to(leg)
    return [
        StepView(about, one.rung, one.required_bps, one.available_bps, one.why)
        for sink, about in meeting.places(leg)
        if about is not None and (one := given.get(sink)) is not None
    ]


def _flow(flow: Flow | None) -> FlowView | None:
    if flow is None:
        return None
    return FlowView(
        flow.codec.name.lower(), flow.bps, round(flow.loss, 4), round(flow.jitter_ms, 1)
    )


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(1000 * seconds, 1)


def _load(house: House, line: AccessLine, members: int) -> LoadView:
    sent, received = house.watch.line_bps(line.line)
    estimate = house.sharing.estimates.of(line.line)
    return LoadView(
        line.name, line.site, line.send_bps or 0, line.receive_bps or 0, sent, received,
        estimate.capacity_bps, estimate.congested, members,
    )  # fmt: skip
