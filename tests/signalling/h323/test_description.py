"""Between SDP and H.245: what our description says is what the unit hears, and the other way."""

from sfu.model import Address, Codec, Kind
from sfu.signalling.call import End
from sfu.signalling.h323.alias import Alias, number, read_aliases, write_aliases
from sfu.signalling.h323.capset import CapabilitySet, read_set, write_set
from sfu.signalling.h323.cause import end_of, release_of
from sfu.signalling.h323.channel import kind_of
from sfu.signalling.h323.datatype import (
    H264,
    LEVEL,
    MAX_FS,
    MAX_MBPS,
    NON_INTERLEAVED,
    PROFILE,
    SINGLE_NAL,
    Camera,
    OldPicture,
    Slides,
    Sound,
)
from sfu.signalling.h323.description import Flow, describe, h264_fmtp, read_ours
from sfu.signalling.h323.h225 import Release
from sfu.signalling.h323.transport import read_transport, write_transport
from sfu.signalling.sdp.local import Policy
from sfu.signalling.sdp.offer import read_answer
from sfu.signalling.sdp.peer import read_offer
from sfu.signalling.sdp.session import parse
from tests.unitstack import offer

TANDBERG = H264(5_000_000, ((PROFILE, 64), (LEVEL, 57), (MAX_MBPS, 490), (MAX_FS, 36)), frozenset())
"""What a C series unit says."""


def test_our_offer_becomes_capabilities():
    ours = read_ours(parse(offer("192.0.2.1", 30_000)))
    said = read_set(write_set(ours.capabilities(1)))
    assert said == ours.capabilities(1)
    sounds = [one.what.codec for one in said.takes(Sound) if isinstance(one.what, Sound)]
    assert sounds == [Codec.G722, Codec.PCMA, Codec.PCMU]
    (picture,) = said.takes(H264)
    assert isinstance(picture.what, H264)
    assert picture.what.parameter(LEVEL) == 71
    assert [one.oid for one in said.packetizations] == [SINGLE_NAL, NON_INTERLEAVED]
    assert said.telephone_event == 101


def test_mode_0_alone_is_said_by_one_packetization():
    session = parse(offer("192.0.2.1", 30_000, Policy(single_nal_receivers=True)))
    said = read_ours(session).capabilities(1)
    assert [one.oid for one in said.packetizations] == [SINGLE_NAL]


def test_an_empty_set_is_a_pause():
    assert read_set(write_set(CapabilitySet(2))).abilities == ()


def test_channels_become_a_description():
    session = parse(offer("192.0.2.1", 30_000))
    sound = Flow(
        Kind.AUDIO, Address("192.0.2.9", 5_000), Address("192.0.2.9", 5_001),
        Sound(Codec.PCMA), None, Sound(Codec.G722), None,
    )  # fmt: skip
    picture = Flow(
        Kind.VIDEO, Address("192.0.2.9", 5_002), Address("192.0.2.9", 5_009), TANDBERG, 97,
        TANDBERG, 96, max_bps=600_000, taken_mode=1,
    )  # fmt: skip
    flows = {Kind.AUDIO: sound, Kind.VIDEO: picture}
    said = read_offer(describe(flows, session, "192.0.2.9", 3, 101))
    heard, seen = said.lines[0], said.lines[1]
    assert (heard.rtp, heard.sends, heard.receives) == (Address("192.0.2.9", 5_000), True, True)
    assert heard.telephone_event == 101
    assert seen.rtcp == Address("192.0.2.9", 5_009)
    limits = said.capability.h264
    assert limits is not None
    assert (limits.fs, limits.mbps) == (36 * 256, 490 * 500)
    assert limits.modes == {0, 1}
    assert 0 < seen.max_bps <= 600_000


def test_who_takes_single_nals_and_sends_another_mode_by_another_number_is_sent_single_nals():
    session = parse(offer("192.0.2.1", 30_000))
    picture = Flow(
        Kind.VIDEO, Address("192.0.2.9", 5_002), Address("192.0.2.9", 5_003), TANDBERG, 98,
        TANDBERG, 109, sent_mode=1,
    )  # fmt: skip
    said = describe({Kind.VIDEO: picture}, session, "192.0.2.9", 1, None)
    video = read_answer(session, said).video
    assert video is not None
    assert (video.send, video.single_nal) == (((98, Codec.H264),), True)
    assert (109, Codec.H264) in video.receive


def test_a_unit_that_names_no_host_of_its_media_is_where_its_calls_come_from():
    session = parse(offer("192.0.2.1", 30_000))
    sound = Sound(Codec.PCMA)
    rtp, rtcp = Address("0.0.0.0", 5_000), Address("0.0.0.0", 5_003)
    flows = {Kind.AUDIO: Flow(Kind.AUDIO, rtp, rtcp, sound, None, sound, None)}
    said = read_offer(describe(flows, session, "192.0.2.9", 1, None)).lines[0]
    assert (said.rtp, said.rtcp) == (Address("192.0.2.9", 5_000), Address("192.0.2.9", 5_003))
    assert said.receives


def test_a_unit_that_takes_nothing_is_on_hold():
    session = parse(offer("192.0.2.1", 30_000))
    sent = Sound(Codec.G722)
    flow = Flow(Kind.AUDIO, None, Address("192.0.2.9", 5_001), None, None, sent, None)
    said = read_offer(describe({Kind.AUDIO: flow}, session, "192.0.2.9", 1, None))
    assert said.lines[0].sends
    assert said.lines[0].on_hold
    assert said.lines[1].port == 0


def test_parameters_of_h241_are_those_of_fmtp():
    said = h264_fmtp(TANDBERG, 0)
    assert said == (
        "profile-level-id=428016;packetization-mode=0;max-mbps=245000;max-fs=9216;max-br=5000"
    )


def test_kinds_of_channels():
    assert kind_of(OldPicture(Codec.H261, 1, ())) is Kind.VIDEO
    assert kind_of(Camera()) is Kind.CAMERA
    assert kind_of(Slides()) is None


def test_aliases_and_addresses_come_back():
    aliases = (number("4201"), number("Lajoux"), Alias("url-ID", "h323:lajoux@example.org"))
    assert read_aliases(write_aliases(aliases)) == aliases
    for host in ("192.0.2.1", "2001:db8::1"):
        address = Address(host, 1_720)
        assert read_transport(write_transport(address)) == address


def test_an_alias_nobody_can_encode_is_cut_or_left_out():
    names = (number("Salle \U0001f600"), number("1" * 200), Alias("url-ID", "é"), number("x" * 300))
    said = [one.text for one in read_aliases(write_aliases(names))]
    assert said == ["Salle ", "x" * 256]


def test_ends_are_told_as_the_standard_has_them():
    assert release_of(606) is Release.NO_BANDWIDTH
    assert release_of(299) is Release.UNDEFINED_REASON
    assert end_of(Release.ADAPTIVE_BUSY, 0, answered=False) is End.BUSY
    assert end_of(None, 3, answered=False) is End.UNREACHABLE
    assert end_of(None, 19, answered=False) is End.NO_ANSWER
    assert end_of("whatever", 21, answered=False) is End.REFUSED
    assert end_of("whatever", 21, answered=True) is End.HUNG_UP
