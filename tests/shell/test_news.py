"""Everybody hears what happens, and nobody who listens badly holds the others up."""

from typing import Any

from structlog.testing import capture_logs

from sfu.model import CallId
from sfu.shell.news import QUEUE_MAX, News, NewsKind
from sfu.signalling.call import CallEnded, End
from tests.shell.stage import stage


def test_who_listens_hears_from_then_on_until_he_stops():
    news = News(lambda: 1_800_000_000.25)
    news.tell(NewsKind.MEETING_STARTED, room="4201")
    with news.listening() as one, news.listening() as two:
        news.tell(NewsKind.MEMBER_JOINED, room="4201", member="m1")
    news.tell(NewsKind.MEETING_ENDED, room="4201")
    for listener in (one, two):
        assert listener.heard.qsize() == 1
        assert listener.heard.get_nowait().view() == {
            "type": "member_joined",
            "at": "2027-01-15T08:00:00.250+00:00",
            "room": "4201",
            "member": "m1",
        }


def test_who_does_not_read_is_told_so_and_costs_no_more():
    news = News()
    with news.listening() as listener:
        for _ in range(QUEUE_MAX):
            news.tell(NewsKind.MEETING_ENDED)
        assert not listener.lost
        news.tell(NewsKind.MEETING_ENDED)
        assert listener.lost
        assert listener.heard.qsize() == QUEUE_MAX


def test_a_taker_that_fails_fails_alone():
    news = News()
    taken: list[Any] = []

    def broken(happening):
        raise ValueError

    news.takers += [broken, taken.append]
    with capture_logs() as said:
        news.tell(NewsKind.MEMBER_LEFT, room="4201")
    assert [one.kind for one in taken] == ["member_left"]
    assert said[0]["event"] == "news_not_taken"


def test_a_meeting_is_told_from_its_first_member_to_its_last():
    taken: list[Any] = []
    with stage() as house:
        house.house.news.takers.append(lambda one: taken.append((one.kind.value, one.facts)))
        for call in (1, 2):
            house.ring(call)
        for call in (1, 2):
            house.calls.handle(CallEnded(CallId(call), End.HUNG_UP, 0, ""))
    assert [kind for kind, _ in taken] == [
        "meeting_started",
        "member_joined",
        "member_joined",
        "member_left",
        "member_left",
        "meeting_ended",
    ]
    assert {facts["room"] for _, facts in taken} == {"4201"}
    assert taken[1][1] == {
        "room": "4201", "member": "m1", "name": "Room 1", "protocol": "sip", "direction": "in",
    }  # fmt: skip
    assert taken[3][1]["reason"] == "hung_up"
