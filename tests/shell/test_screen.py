"""Cards are sent while somebody looks, once however many look, as large as each can take."""

from dataclasses import replace
from typing import Any

import av
import pytest

from sfu.media.engine.command import SetSource
from sfu.media.still import MOST_BYTES
from sfu.model import Codec, SinkId
from sfu.room.attendant import Card
from sfu.shell.screen import CARDS, LARGE, SMALL, Screen, film
from tests.room.people import browser, codec, limits
from tests.shell.stage import stage


@pytest.fixture
def house():
    with stage() as made:
        for call in (1, 2):
            made.ring(call)
        yield made


def sinks(house: Any) -> list[SinkId]:
    return [house.shown_sink(house.leg(call)) for call in (1, 2)]


def cards(house: Any) -> list[SetSource]:
    return [one for one in house.engine.sources.values() if one.payloads == ((96, Codec.H264),)]


@pytest.mark.parametrize("card", list(Card))
@pytest.mark.parametrize(("size", "wide"), [(LARGE, 1280), (SMALL, 352)])
def test_each_card_decodes_and_any_unit_can_take_it(card, size, wide):
    units = [unit for picture in film(f"{card}-{size}") for unit in picture]
    assert {unit[0] & 31 for unit in units} == {1, 5, 7, 8}
    assert max(map(len, units)) <= MOST_BYTES
    sps = next(unit for unit in units if unit[0] & 31 == 7)
    assert sps[1] == 66  # baseline
    assert sps[2] & 0x40  # the constrained one
    assert sps[3] == (31 if size == LARGE else 11)
    decoder = av.CodecContext.create("h264", "r")
    data = (CARDS / f"{card}-{size}.h264").read_bytes()
    frames = [one for packet in decoder.parse(data) for one in decoder.decode(packet)]
    assert frames[0].width == wide
    pixels = frames[0].to_ndarray(format="gray")
    assert pixels.max() > 200  # there is something to read
    assert pixels.mean() < 100


def test_a_card_is_sent_once_however_many_look_and_not_without_viewers(house):
    screen, before = Screen(house.patchbay), len(house.engine.sockets)
    first, second = sinks(house)
    for sink in (first, second):
        screen.show(sink, Card.PIN, codec(), house.now)
    assert len(cards(house)) == 1
    house.patchbay.flush(house.now)
    assert house.engine.carries[first] == house.engine.carries[second] == cards(house)[0].source
    screen.leave(first)
    assert len(cards(house)) == 1
    screen.leave(second)
    assert cards(house) == []
    assert len(house.engine.sockets) == before


def test_another_card_takes_the_place_of_the_first(house):
    screen = Screen(house.patchbay)
    sink, _ = sinks(house)
    screen.show(sink, Card.NUMBER, codec(), house.now)
    screen.show(sink, Card.PIN, codec(), house.now)
    house.patchbay.flush(house.now)
    assert [one.source for one in cards(house)] == [house.engine.carries[sink]]
    screen.leave(sink)


def test_who_leaves_a_card_carries_nothing_but_what_others_said_meanwhile(house):
    screen = Screen(house.patchbay)
    first, second = sinks(house)
    for sink in (first, second):
        screen.show(sink, Card.PIN, codec(), house.now)
    picture = house.leg(1).streams.picture
    house.patchbay.want(second, picture)
    screen.leave(first)
    screen.leave(second)
    house.patchbay.flush(house.now)
    assert house.engine.carries.get(first) is None
    assert house.engine.carries[second] == picture


def test_a_title_makes_another_card_once_it_is_drawn(house):
    drawn: dict[str, Any] = {}
    asked = []

    def draw(card: Any, title: str) -> Any:
        asked.append((card.name, title))
        return drawn.get(title)

    screen = Screen(house.patchbay, draw)
    first, second = sinks(house)
    for sink in (first, second):
        screen.show(sink, Card.WAITING, codec(), house.now, "Morez")
    assert len(cards(house)) == 1
    assert asked[-1] == ("waiting-720p.h264", "Morez")
    before = cards(house)
    drawn["Morez"] = film("waiting-720p")
    screen.show(first, Card.WAITING, codec(), house.now, "Morez")
    house.patchbay.flush(house.now)
    assert len(cards(house)) == 2
    assert house.engine.carries[first] != house.engine.carries[second] == before[0].source
    screen.show(second, Card.WAITING, codec(), house.now, "Morez")
    assert len(cards(house)) == 1
    noted = len(asked)
    screen.show(second, Card.WAITING, codec(), house.now, "Morez")
    assert len(asked) == noted  # it is shown: nobody need draw it again


def test_who_takes_small_pictures_gets_a_small_card_and_who_has_no_h264_none(house):
    screen = Screen(house.patchbay)
    first, second = sinks(house)
    screen.show(first, Card.PIN, codec(), house.now)
    screen.show(second, Card.PIN, replace(codec(), h264=limits(fs=396)), house.now)
    assert len(cards(house)) == 2
    screen.leave(first)
    screen.show(first, Card.PIN, browser(pictures=(Codec.VP8,)), house.now)
    assert len(cards(house)) == 1
    screen.leave(second)
