"""What we take stands: answers to what flows now leave out what we take all the same."""

from sfu.model import Codec, Kind
from sfu.signalling.h323.standing import Standing
from sfu.signalling.sdp.session import SessionDescription, parse
from tests.unitstack import offer

WHOLE = parse(offer("192.0.2.1", 30_000))
BOTH = {"audio", "video"}


def said(sound: str, picture: str) -> SessionDescription:
    head = "\r\n".join(WHOLE.lines)
    return parse(f"{head}\r\nm=audio {sound}\r\nm=video {picture}\r\na=rtpmap:96 H264/90000\r\n")


def test_a_picture_that_its_unit_closed_may_come_again():
    standing = Standing()
    first = standing.take(WHOLE, set())
    ours = standing.take(said("30000 RTP/AVP 8", "0 RTP/AVP 96"), {"audio"})
    assert (ours.picture, ours.media) == (first.picture, first.media)


def test_a_picture_that_we_refuse_is_refused():
    standing = Standing()
    standing.take(WHOLE, set())
    ours = standing.take(said("30000 RTP/AVP 8", "0 RTP/AVP 96"), BOTH)
    assert ours.picture is None
    assert Kind.VIDEO not in ours.media


def test_one_agreed_codec_is_not_the_only_one_we_take():
    standing = Standing()
    first = standing.take(WHOLE, set())
    ours = standing.take(said("30000 RTP/AVP 8", "30002 RTP/AVP 96"), BOTH)
    assert ours.sounds == first.sounds
    assert {Codec.PCMA, Codec.PCMU} <= set(ours.sounds)


def test_where_our_sound_is_refused_no_codec_is_taken():
    standing = Standing()
    standing.take(WHOLE, set())
    assert standing.take(said("0 RTP/AVP 8", "30002 RTP/AVP 96"), BOTH).sounds == ()


def test_our_newest_ports_and_holds_count():
    standing = Standing()
    standing.take(WHOLE, set())
    ours = standing.take(said("31000 RTP/AVP 8\r\na=sendonly", "0 RTP/AVP 96"), {"audio"})
    assert ours.media[Kind.AUDIO].port == 31_000
    assert ours.holds == {Kind.AUDIO}
