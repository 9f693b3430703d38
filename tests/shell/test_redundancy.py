"""Pages whose line loses packets send and hear their sound twice; nobody else is touched."""

from ipaddress import ip_network
from typing import Any

import pytest

from sfu.config import Line, Media, Settings
from sfu.media.engine.command import SetSink, SetSource
from sfu.model import Codec, Kind
from sfu.signalling.sdp.session import parse
from sfu.signalling.webrtc import message as m
from tests.shell.stage import Stage, page_offer, stage

pytestmark = pytest.mark.machine

TOWN = Line(
    site="town", up_bps=2_000_000, down_bps=2_000_000, networks=(ip_network("192.0.2.0/24"),)
)
HAMLET = Line(
    site="hamlet", up_bps=300_000, down_bps=2_000_000, networks=(ip_network("198.51.100.0/24"),)
)
SETTINGS = Settings(line=(TOWN, HAMLET))
TICK_S = 0.1


class Page:
    """A page at the end of a line, and what it sends."""

    def __init__(self, house: Stage, remote: str, *, red: bool = True) -> None:
        self.house = house
        self.said: list[m.ServerMessage] = []
        self.session = house.browsers.open(self.said.append, remote, "Chromium")
        self.session.receive(m.Join(room="4201", name=remote))
        self.red = red
        self.offer()
        assert self.session.leg is not None
        self.leg = self.session.leg
        for path in house.patchbay._paths.values():  # as after the handshake
            path.locked = False
        sound = self.leg.streams.sound
        assert sound is not None
        self.sound = sound
        house.flow(self.sound, Codec.OPUS)
        self.packets = self.lost = 0

    def offer(self) -> None:
        sdp = page_offer("chromium_page")
        self.session.receive(m.Offer(sdp=sdp if self.red else sdp.replace("red/48000/2", "x/1")))

    def of(self, kind: type) -> list[Any]:
        return [one for one in self.said if isinstance(one, kind)]

    @property
    def told_twice(self) -> bool:
        told = self.of(m.Send)
        return bool(told) and told[-1].microphone.twice

    def formats(self) -> list[str]:
        """Return the microphone's numbers in our last answer."""
        return list(parse(self.of(m.Answer)[-1].sdp).media[0].formats)

    def sinks(self) -> list[SetSink]:
        mine = [one.transport for one in self.house.engine.sources.values()
                if one.source == self.sound]  # fmt: skip
        return [
            one for one in self.house.engine.sinks.values()
            if one.transport == mine[0] and one.kind is Kind.AUDIO
        ]  # fmt: skip

    def twice_down(self) -> list[int]:
        """Return by which number each of its sinks of sound may send twice, 0 for none."""
        return [dict(one.payloads).get(Codec.RED, 0) for one in self.sinks()]

    def lose(self, share: float) -> None:
        """Let a tick's packets come up, some of them lost."""
        self.packets += 5
        self.lost += round(share * self.packets) - self.lost if share else 0
        self.house.engine.counts[self.sound] = (self.packets - self.lost, self.lost)


@pytest.fixture
def house():
    with stage(SETTINGS) as made:
        yield made


def play(house: Stage, seconds: float, losses: dict[Page, float]) -> None:
    for _ in range(round(seconds / TICK_S)):
        for page, share in losses.items():
            page.lose(share)
        house.tick(TICK_S)


def lose_down(house: Stage, site: str, seconds: float, share: float) -> None:
    line = next(one for one in house.house.lines if one.site == site).line
    estimator = house.house.sharing.estimates._watched[line].estimator
    for n in range(round(seconds / TICK_S)):
        lost = 1 if share and n % round(1 / (11 * share)) == 0 else 0
        estimator._losses.add(lost, 11 - lost, house.now)
        house.tick(TICK_S)


def test_a_page_whose_packets_are_lost_on_the_way_up_is_told_and_answered_so(house: Stage) -> None:
    anne, bruno = Page(house, "192.0.2.7"), Page(house, "203.0.113.5")
    play(house, 6, {anne: 0, bruno: 0})
    assert anne.formats() == bruno.formats() == ["111", "63"]
    assert not anne.told_twice
    before = anne.leg.voices().up[0].ip_bytes
    play(house, 6, {anne: 0.03, bruno: 0})
    assert anne.told_twice
    assert anne.of(m.Send)[-1].microphone.why == "loss"
    anne.offer()
    assert anne.formats() == ["63", "111"]
    assert anne.leg.voices().up[0].ip_bytes == before + 85
    # it is mended here: nobody else sends or is sent more for it
    assert not bruno.told_twice
    assert not any([*anne.twice_down(), *bruno.twice_down()])
    play(house, 40, {anne: 0, bruno: 0})
    assert not anne.told_twice
    assert anne.of(m.Send)[-1].microphone.why == "clean"
    anne.offer()
    assert anne.formats() == ["111", "63"]


def test_what_is_lost_on_the_way_down_is_sent_twice_from_here(house: Stage) -> None:
    anne, bruno = Page(house, "192.0.2.7"), Page(house, "203.0.113.5")
    play(house, 1, {anne: 0, bruno: 0})
    lose_down(house, "town", 6, 0.02)
    wide_and_mix = [63, 63, 63, 0, 0, 0, 63]
    assert anne.twice_down() == wide_and_mix
    assert not anne.told_twice
    assert not any(bruno.twice_down())
    forwarded = anne.leg.voices().forwarded
    assert forwarded is not None
    assert forwarded.ip_bytes == anne.leg.voices_twice().up[0].ip_bytes
    anne.offer()  # a place more: the others keep what they have
    assert anne.twice_down() == wide_and_mix
    lose_down(house, "town", 40, 0)
    assert not any(anne.twice_down())


def test_a_browser_that_does_not_know_it_is_left_alone(house: Stage) -> None:
    anne = Page(house, "192.0.2.7", red=False)
    play(house, 6, {anne: 0.03})
    lose_down(house, "town", 6, 0.03)
    assert not anne.told_twice
    assert not any(anne.twice_down())
    assert anne.formats() == ["111"]
    assert anne.leg.voices() == anne.leg.voices_twice()


def test_a_line_without_room_keeps_sending_once(house: Stage) -> None:
    anne = Page(house, "198.51.100.7")
    play(house, 12, {anne: 0.03})
    assert not anne.told_twice
    protection = house.house.sharing.protection
    hamlet = next(one for one in house.house.lines if one.site == "hamlet")
    assert protection._ways[hamlet.line].up.choice.why == "no_room"
    assert protection.of(hamlet.line) == {"send": False, "receive": False}


def test_a_setting_forbids_it() -> None:
    with stage(Settings(line=(TOWN,), media=Media(sound_twice=False))) as house:
        anne = Page(house, "192.0.2.7")
        play(house, 12, {anne: 0.03})
        assert anne.formats() == ["111"]
        assert not anne.told_twice
        expected = next(one for one in house.engine.of(SetSource) if one.source == anne.sound)
        assert expected.payloads == ((111, Codec.OPUS),)


def test_the_source_expects_both_from_the_start(house: Stage) -> None:
    anne = Page(house, "192.0.2.7")
    expected = next(one for one in house.engine.of(SetSource) if one.source == anne.sound)
    assert expected.payloads == ((111, Codec.OPUS), (63, Codec.RED))
