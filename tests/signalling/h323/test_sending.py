"""Our channels: one of each kind, of the first thing both sides know that was not refused."""

from typing import Any

from sfu.model import Address, Codec, Kind
from sfu.signalling.h323.capset import Ability, CapabilitySet
from sfu.signalling.h323.channel import Way
from sfu.signalling.h323.datatype import BASELINE, H264, LEVEL, PROFILE, Sound
from sfu.signalling.h323.description import read_ours
from sfu.signalling.h323.h245 import CloseChannel, FlowControl, OpenAck, OpenChannel, OpenReject
from sfu.signalling.h323.sending import Sending
from sfu.signalling.sdp.session import parse
from tests.unitstack import offer

OURS = read_ours(parse(offer("192.0.2.1", 30_000)))
BOTH = CapabilitySet(1, (Ability(1, Sound(Codec.G722)), Ability(2, Sound(Codec.PCMA))))
NOTHING = CapabilitySet(2, ())


class Play:
    """What is said, taken down."""

    def __init__(self) -> None:
        self.said: list[Any] = []
        self.changes = 0
        self.sending = Sending(self.said.append, self.changed)

    def changed(self) -> None:
        self.changes += 1

    def knows(self, theirs: CapabilitySet) -> list[Any]:
        self.sending.take_set(theirs, OURS)
        return self.goes_on()

    def goes_on(self) -> list[Any]:
        self.sending.open_more(OURS)
        said, self.said[:] = list(self.said), []
        return said


def test_what_is_refused_is_followed_by_the_next_and_not_asked_again():
    play = Play()
    [first] = play.knows(BOTH)
    assert first.data == Sound(Codec.G722)
    play.sending.answered(OpenReject(first.number))
    [second] = play.goes_on()
    assert second.data.codec is Codec.PCMA
    play.sending.answered(OpenReject(second.number))
    assert play.goes_on() == []
    [again] = play.knows(BOTH)  # a new set, a new try
    assert again.data == Sound(Codec.G722)


def test_a_pause_closes_what_is_open_and_its_end_opens_it_under_another_number():
    play = Play()
    [first] = play.knows(BOTH)
    rtp = Address("192.0.2.9", 5_000)
    play.sending.answered(OpenAck(first.number, 1, rtp, rtp))
    assert play.knows(NOTHING) == [CloseChannel(first.number)]
    [second] = play.knows(BOTH)
    assert isinstance(second, OpenChannel)
    assert second.number != first.number
    assert play.changes == 2


def test_a_channel_that_is_acknowledged_with_port_0_leads_nowhere():
    play = Play()
    [sound] = play.knows(BOTH)
    nowhere = Address("192.0.2.9", 0)
    play.sending.answered(OpenAck(sound.number, 1, nowhere, nowhere))
    channel = play.sending.channels[Kind.AUDIO]
    assert (channel.way, channel.media, channel.flows) == (Way.OPEN, None, False)


def test_an_answer_to_no_channel_of_ours_changes_nothing():
    play = Play()
    [first] = play.knows(BOTH)
    play.sending.answered(OpenReject(first.number + 7))
    play.sending.give_up(first.number + 7)
    play.sending.limited(FlowControl(first.number + 7, 64_000))
    assert (play.goes_on(), play.changes) == ([], 0)
    assert list(play.sending.channels) == [Kind.AUDIO]


def test_a_limit_of_no_channel_of_ours_limits_nothing():
    play = Play()
    picture = H264(768_000, ((PROFILE, BASELINE), (LEVEL, 64)))
    assert len(play.knows(CapabilitySet(3, (Ability(1, picture),)))) == 1
    play.sending.limited(FlowControl(9_999, 0))
    assert not any(one.held for one in play.sending.channels.values())
    assert play.changes == 0


def test_numbers_of_channels_come_round_before_they_are_none():
    play = Play()
    for _ in range(65_535 - 101):
        next(play.sending._numbers)
    numbers = []
    for _ in range(2):
        [asked] = play.knows(BOTH)
        play.sending.answered(OpenReject(asked.number))
        numbers.append(asked.number)
    assert numbers == [65_535, 101]
