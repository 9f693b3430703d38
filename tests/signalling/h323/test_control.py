"""H.245 as a ladder: what units do in mid call, and what we say to it."""

from itertools import count, permutations
from typing import Any

import pytest

from sfu.model import Address, Codec, Kind
from sfu.signalling.h323 import per
from sfu.signalling.h323.capset import Ability, CapabilitySet
from sfu.signalling.h323.control import HOLD_S, Control
from sfu.signalling.h323.datatype import (
    BASELINE,
    H264,
    LEVEL,
    PROFILE,
    SINGLE_NAL,
    OldPicture,
    Packetization,
    Slides,
    Sound,
    Unsupported,
)
from sfu.signalling.h323.description import read_ours
from sfu.signalling.h323.fact import Changed, Ended, Keyed, Settled, Wished
from sfu.signalling.h323.h245 import (
    CloseAck,
    CloseChannel,
    Command,
    Determination,
    DeterminationAck,
    EndSession,
    FlowControl,
    Generic,
    ModeReject,
    ModeRequest,
    OpenAck,
    OpenChannel,
    OpenReject,
    RequestClose,
    RequestCloseAck,
    RoundTrip,
    RoundTripResponse,
    SetAck,
    Unknown,
    UserInput,
)
from sfu.signalling.h323.h245_per import read, write
from sfu.signalling.sdp.h263 import OLD_PICTURES
from sfu.signalling.sdp.local import Policy
from sfu.signalling.sdp.session import parse
from tests.unitstack import offer

PICTURE = H264(768_000, ((PROFILE, BASELINE), (LEVEL, 64)))
SONY = CapabilitySet(
    1,
    (
        Ability(1, Unsupported("genericAudioCapability", "audio")),
        Ability(2, Sound(Codec.G722)),
        Ability(3, Sound(Codec.PCMA)),
        Ability(4, PICTURE),
    ),
    (Packetization(96, SINGLE_NAL),),
)
H261 = OldPicture(Codec.H261, 384_000, (("qcif", 1), ("cif", 1)))
VSX = CapabilitySet(1, (Ability(1, Sound(Codec.PCMA)), Ability(2, H261)))
OLD = Policy(old_pictures=OLD_PICTURES, offers_old=True)
RTP, RTCP = Address("192.0.2.9", 5_000), Address("192.0.2.9", 5_001)


class Unit:
    """A unit that says what a test tells it to; time is the test's."""

    def __init__(self, policy: Policy | None = None) -> None:
        numbers = count(1_000)
        ours = read_ours(parse(offer("192.0.2.1", 30_000, policy)))
        self.control = Control(ours, lambda: next(numbers))
        self.now = 0.0
        self.control.begin(self.now)
        self.said = self.heard()

    def say(self, *messages: Any) -> list[Any]:
        for message in messages:
            self.control.receive(message, self.now)
        return self.heard()

    def heard(self) -> list[Any]:
        said = list(self.control.messages())
        for message in said:
            write(message)
        return said

    def facts(self) -> list[Any]:
        return list(self.control.facts())

    def settle(self) -> list[Any]:
        """Agree, and open channels both ways; returns what we opened."""
        opened = self.say(SONY, SetAck(1), Determination(50, 5), DeterminationAck(master=True))
        opened = [one for one in opened if isinstance(one, OpenChannel)]
        for one in opened:
            self.say(OpenAck(one.number, one.session, RTP, RTCP))
        self.say(
            OpenChannel(1, Sound(Codec.G722), 1, RTCP),
            OpenChannel(2, PICTURE, 2, RTCP, payload_type=96),
        )
        return opened


def test_channels_open_when_both_sides_agreed_and_not_before():
    unit = Unit()
    assert SetAck(1) in unit.say(SONY)
    assert not [one for one in unit.say(SetAck(1)) if isinstance(one, OpenChannel)]
    said = unit.say(Determination(50, 5), DeterminationAck(master=True))
    assert DeterminationAck(master=False) in said
    opened = [one for one in said if isinstance(one, OpenChannel)]
    assert [one.session for one in opened] == [1, 2]
    sound, picture = opened
    assert sound.data == Sound(Codec.G722)
    assert picture.data == PICTURE
    assert picture.packetization == Packetization(96, SINGLE_NAL)
    assert unit.facts() == []


def pictures(said: list[Any]) -> list[Any]:
    """Return what our capabilities take of pictures."""
    (ours,) = (one for one in said if isinstance(one, CapabilitySet))
    kinds = (one.what for one in ours.abilities)
    return [one.codec if isinstance(one, OldPicture) else type(one) for one in kinds
            if isinstance(one, (OldPicture, H264))]  # fmt: skip


def test_old_codecs_are_named_to_who_knows_no_h264():
    unit = Unit(OLD)
    assert unit.said == [Determination(240, 1_000)], "our capabilities wait for its"
    unit = Unit(OLD)
    assert pictures(unit.say(VSX)) == [H264, Codec.H263, Codec.H261]
    (sound, picture) = (
        one
        for one in unit.say(SetAck(1), Determination(50, 5), DeterminationAck(master=True))
        if isinstance(one, OpenChannel)
    )
    assert picture.data == H261
    unit.say(OpenAck(sound.number, 1, RTP, RTCP), OpenAck(picture.number, 2, RTP, RTCP))
    taken = unit.say(OpenChannel(2, H261, 2, RTCP))
    assert isinstance(taken[0], OpenAck)
    assert unit.control.flows()[Kind.VIDEO].taken == H261


def test_old_codecs_are_not_named_to_who_knows_h264_and_might_choose_them():
    unit = Unit(OLD)
    assert pictures(unit.say(SONY)) == [H264]


def test_who_says_nothing_hears_all_we_take_a_moment_later():
    unit = Unit(OLD)
    assert unit.control.deadline == HOLD_S
    unit.now = HOLD_S
    unit.control.tick(unit.now)
    assert pictures(unit.heard()) == [H264, Codec.H263, Codec.H261]


def test_a_settled_call_is_told_once():
    unit = Unit()
    unit.settle()
    assert unit.facts() == [Settled()]
    flows = unit.control.flows()
    assert flows[Kind.AUDIO].rtp == RTP
    assert flows[Kind.VIDEO].sent == PICTURE


def test_a_unit_that_never_opens_its_own_channel_does_not_stop_the_call():
    unit = Unit()
    opened = unit.say(SONY, SetAck(1), Determination(50, 5), DeterminationAck(master=True))
    sound = next(one for one in opened if isinstance(one, OpenChannel))
    unit.say(OpenAck(sound.number, 1, RTP, RTCP))
    unit.now = 5.0
    unit.control.tick(unit.now)
    assert unit.facts() == [Settled()]
    assert unit.control.flows()[Kind.AUDIO].sent is None


def test_a_refused_channel_falls_to_the_next_codec():
    unit = Unit()
    opened = unit.say(SONY, SetAck(1), Determination(50, 5), DeterminationAck(master=True))
    sound = next(one for one in opened if isinstance(one, OpenChannel))
    (again,) = unit.say(OpenReject(sound.number))
    assert again.data == Sound(Codec.PCMA)
    assert unit.say(OpenReject(again.number)) == []


def test_what_we_do_not_take_is_refused_politely():
    unit = Unit()
    unit.settle()
    for data, cause in (
        (Slides(), "dataTypeNotAvailable"),
        (Unsupported("h235Media"), "dataTypeNotSupported"),
    ):
        assert unit.say(OpenChannel(9, data, 0, RTCP)) == [OpenReject(9, cause)]
    token = Generic("request", (0, 0, 8, 239, 2), 3, ((44, 0), (42, 1), (43, 5)))
    answer = Generic("response", (0, 0, 8, 239, 2), 4, ((44, 0), (42, 1), (127, 1)))
    assert unit.say(token) == [answer]


def test_a_token_request_of_huge_numbers_is_refused_as_well():
    unit = Unit()
    unit.settle()
    content = [
        {"parameterIdentifier": ("standard", 42), "parameterValue": ("unsigned32Min", 2**32 - 1)},
        {"parameterIdentifier": ("standard", 44), "parameterValue": ("unsignedMin", 7)},
    ]
    message = {
        "messageIdentifier": ("standard", (0, 0, 8, 239, 2)),
        "subMessageIdentifier": 3,
        "messageContent": content,
    }
    octets = per.encode(per.Pdu.H245, ("request", ("genericRequest", message)))
    (answer,) = unit.say(read(octets))
    assert answer.content == ((44, 7), (127, 1))


def test_an_empty_set_is_a_pause_and_a_full_one_goes_on():
    unit = Unit()
    opened = unit.settle()
    unit.facts()
    said = unit.say(CapabilitySet(2))
    assert {one.number for one in said if isinstance(one, CloseChannel)} == {
        one.number for one in opened
    }
    assert unit.facts() == [Changed()]
    assert all(flow.taken is None for flow in unit.control.flows().values())
    said = unit.say(SONY)
    assert [one.session for one in said if isinstance(one, OpenChannel)] == [1, 2]


def test_who_comes_back_from_a_pause_hears_everything_anew():
    """Behind a gatekeeper that paused us somebody else may stand now."""
    unit = Unit()
    unit.settle()
    assert not [one for one in unit.say(SONY) if isinstance(one, Determination)]
    unit.say(CapabilitySet(2))
    again = unit.say(SONY)
    assert [type(one) for one in again[:3]] == [SetAck, CapabilitySet, Determination]
    assert unit.say(Determination(50, 9)) == [DeterminationAck(master=False)]
    assert unit.say(SetAck(2), DeterminationAck(master=True)) == []


SAID = (SONY, SetAck(1), Determination(50, 5), DeterminationAck(master=True))


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_whatever_it_says_first_each_channel_is_opened_once(order: tuple[int, ...]):
    unit = Unit()
    said = unit.say(*(SAID[at] for at in order))
    assert [one.session for one in said if isinstance(one, OpenChannel)] == [1, 2]


def test_who_opens_its_own_channels_only_once_ours_are_acknowledged_settles():
    unit = Unit()
    opened = [one for one in unit.say(*SAID) if isinstance(one, OpenChannel)]
    for one in opened:
        assert unit.say(OpenAck(one.number, one.session, RTP, RTCP)) == []
    both = OpenChannel(1, Sound(Codec.G722), 1, RTCP), OpenChannel(2, PICTURE, 2, RTCP)
    said = unit.say(*both)
    assert [type(one) for one in said] == [OpenAck, OpenAck]
    assert unit.facts() == [Settled()]


def test_who_refuses_everything_we_send_is_heard_all_the_same():
    unit = Unit()
    for channel in (one for one in unit.say(*SAID) if isinstance(one, OpenChannel)):
        again: list[Any] = [channel]
        while again:
            again = unit.say(OpenReject(again[0].number, "masterSlaveConflict"))
    unit.say(OpenChannel(1, Sound(Codec.PCMA, 240), 1, RTCP))
    unit.now = 5.0
    unit.control.tick(unit.now)
    assert unit.facts() == [Settled()]
    assert unit.control.flows()[Kind.AUDIO].sent == Sound(Codec.PCMA, 240)


@pytest.mark.parametrize("codec", [Codec.PCMA, Codec.PCMU])
def test_a_unit_of_one_kind_of_g711_and_nothing_else_is_sent_packets_of_20_ms(codec: Codec):
    """Some count samples, where the standard has milliseconds."""
    unit = Unit()
    alone = CapabilitySet(1, (Ability(1, Sound(codec, 160)),))
    (sound,) = (one for one in unit.say(alone, *SAID[1:]) if isinstance(one, OpenChannel))
    assert sound.data == Sound(codec, 20)


def test_a_channel_closed_before_it_was_acknowledged_and_answers_to_it_harm_nothing():
    unit = Unit()
    sound, picture = (one for one in unit.say(*SAID) if isinstance(one, OpenChannel))
    said = unit.say(RequestClose(sound.number))
    assert said[:2] == [RequestCloseAck(sound.number), CloseChannel(sound.number)]
    unit.say(OpenAck(sound.number, 1, RTP, RTCP), CloseAck(sound.number), CloseChannel(77))
    assert unit.control.flows()[Kind.VIDEO].taken is None
    unit.say(OpenAck(picture.number, 2, RTP, RTCP))
    assert unit.control.flows()[Kind.VIDEO].taken == PICTURE


def test_flow_control_is_taken_in():
    unit = Unit()
    _, picture = unit.settle()
    unit.facts()
    unit.say(FlowControl(picture.number, 192_000))
    assert unit.facts() == [Changed()]
    assert unit.control.flows()[Kind.VIDEO].max_bps == 192_000
    unit.say(FlowControl(None, 256_000))
    assert unit.control.flows()[Kind.VIDEO].max_bps == 192_000
    unit.say(FlowControl(picture.number, None))
    assert unit.control.flows()[Kind.VIDEO].max_bps == 0


def test_a_channel_that_is_to_wait_waits():
    unit = Unit()
    opened = unit.say(SONY, SetAck(1), Determination(50, 5), DeterminationAck(master=True))
    picture = [one for one in opened if isinstance(one, OpenChannel)][1]
    unit.say(OpenAck(picture.number, 2, RTP, RTCP, hold=True))
    assert unit.control.flows()[Kind.VIDEO].taken is None
    unit.say(FlowControl(picture.number, 384_000))
    assert unit.control.flows()[Kind.VIDEO].taken == PICTURE


def test_wishes_keys_trips_and_modes():
    unit = Unit()
    unit.settle()
    unit.facts()
    unit.say(Command(102, "videoFastUpdatePicture"), Command(102, "lostPicture"))
    unit.say(Command(102, "videoFreezePicture"), UserInput("42#"))
    assert unit.facts() == [Wished(), Wished(), Keyed("42#")]
    assert unit.say(RoundTrip(7)) == [RoundTripResponse(7)]
    assert unit.say(ModeRequest(3)) == [ModeReject(3)]


@pytest.mark.parametrize("kind", ["request", "command", "indication", "response"])
def test_what_is_unknown_is_counted_and_only_requests_are_answered(kind):
    unit = Unit()
    unknown = Unknown(kind, "maintenanceLoopRequest")
    assert unit.say(unknown) == ([unknown] if kind == "request" else [])
    assert unit.control.unknown == 1


def test_closing_by_either_side():
    unit = Unit()
    sound, _ = unit.settle()
    unit.facts()
    assert CloseAck(2) in unit.say(CloseChannel(2))
    assert unit.control.flows()[Kind.VIDEO].sent is None
    said = unit.say(RequestClose(sound.number))
    assert said[:2] == [RequestCloseAck(sound.number), CloseChannel(sound.number)]
    unit.say(EndSession())
    assert unit.facts()[-1] == Ended("")


def test_silence_is_the_end():
    unit = Unit()
    unit.settle()
    unit.facts()
    for second in range(31):
        unit.now = float(second)
        unit.control.tick(unit.now)
    assert [one for one in unit.heard() if isinstance(one, RoundTrip)]
    assert unit.facts() == [Ended("nothing of H.245 for 30 s", silent=True)]


def test_a_unit_without_a_camera_is_heard_after_a_second_and_seen_when_it_has_one():
    unit = Unit()
    opened = unit.say(SONY, SetAck(1), Determination(50, 5), DeterminationAck(master=True))
    for one in (one for one in opened if isinstance(one, OpenChannel)):
        unit.say(OpenAck(one.number, one.session, RTP, RTCP))
    unit.now = 2.0
    unit.say(OpenChannel(1, Sound(Codec.G722), 1, RTCP))
    assert unit.control.deadline == 3.0
    unit.now = 2.9
    unit.control.tick(unit.now)
    assert unit.facts() == []
    unit.now = 3.0
    unit.control.tick(unit.now)
    assert unit.facts() == [Settled()]
    unit.say(OpenChannel(2, PICTURE, 2, RTCP, payload_type=96))
    assert unit.facts() == [Changed()]
