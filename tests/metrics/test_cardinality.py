"""The number of series does not grow with use, whoever comes from wherever under whatever name."""

import re

import pytest

from sfu.config import Line, Settings, Site
from sfu.metrics import Metrics
from sfu.metrics.maker import EVERY_MAKER
from sfu.model import Protocol
from sfu.signalling.sip.limit import Rates
from sfu.signalling.webrtc.message import Join
from tests.app.test_front import make_front
from tests.shell.stage import Stage, stage

SETTINGS = Settings(
    site=(Site(name="lajoux"),),
    line=(
        Line(site="lajoux", up_bps=90_000_000, down_bps=90_000_000, networks=()),
    ),
)  # fmt: skip
STATES = 4
EACH_LINE = 60
"""A line's own series; its pictures are labelled by rung and reason, of which there are few."""


@pytest.fixture
def house():
    with stage(SETTINGS) as made:
        yield made


@pytest.fixture
def metrics(house):
    return Metrics(make_front(house).readings)


def series(metrics: Metrics) -> set[str]:
    page = metrics.exposition().decode()
    return {line.rpartition(" ")[0] for line in page.splitlines() if not line.startswith("#")}


def crowd(house: Stage, first: int, count: int) -> None:
    """Have room codecs and pages come, each from its own address, under its own name, to a room."""
    for one in range(first, first + count):
        host = f"198.51.{one // 250}.{one % 250 + 1}"
        house.ring(one, str(4000 + one % 50), host=host)
        page = house.browsers.open(lambda message: None, host, f"Browser {one}/{one}.0")
        page.receive(Join(room=str(4000 + one % 50), name=f"Somebody {one}"))
        if one % 10 == 0:
            house.tick()
    house.tick()


def test_three_hundred_members_have_the_series_of_a_few(house, metrics):
    crowd(house, 1, 3)
    few = series(metrics)
    crowd(house, 10, 150)
    many = series(metrics)
    assert len(house.house.guests) == 2 * 153
    grown = many - few
    assert len(grown) <= len(Protocol) * STATES * len(EVERY_MAKER)
    assert {re.match(r"\w+", one)[0] for one in grown} <= {"sfu_member_video", "sfu_line_pictures"}  # type: ignore[index]
    assert len(many) < 700 + EACH_LINE * len(SETTINGS.line)


def test_who_comes_is_in_no_label(house, metrics):
    crowd(house, 1, 20)
    page = metrics.exposition().decode()
    assert "sfu_members" in page
    for word in ("198.51.", "Somebody", "Browser", "4001", "Room 1", "room1"):
        assert word not in page


def test_a_thousand_scanners_are_a_few_reasons():
    from sfu.shell.gate import Gate

    now = 100.0
    gate = Gate(Rates(messages_per_s=1), lambda glimpse: False, lambda message: None, lambda: now)
    for one in range(1000):
        for _ in range(6):
            gate.judge(f"203.{one // 250}.113.{one % 250 + 1}", b"OPTIONS sip:x SIP/2.0\r\n\r\n")
    assert sum(gate.refused.values()) > 1000
    assert len(gate.refused) < 15
