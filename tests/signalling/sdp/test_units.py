"""Every unit family's offer: what it means, and our answer, line by line (tests/vectors/offers)."""

import re
from dataclasses import replace

import pytest

from sfu.model import Address, Codec
from sfu.signalling.capability import Feedback
from sfu.signalling.sdp import h264
from sfu.signalling.sdp.answer import compose_answer
from sfu.signalling.sdp.bandwidth import stated
from sfu.signalling.sdp.local import LocalLine, Policy
from sfu.signalling.sdp.offer import compose_reoffer, read_answer
from sfu.signalling.sdp.peer import PeerMedia, read_offer
from sfu.signalling.sdp.session import SessionDescription, parse
from tests.signalling.sdp.shapes import CRYPTO, LOCAL, SECURE, UNITS, expected, offered, session

SERVERS = Policy(max_fs=3_600)
"""Of a server whose settings nobody touched."""
MEANING = re.compile(
    r"(?P<modes>[01,]+) / (?P<size>\d+x\d+@\d+) / (?P<br>\d+)(?:, cut to (?P<cut>\w+ \d+))?"
    r" / (?P<feedback>[\w,]+) / (?P<sound>\d+) / (?P<keys>\w+)"
)
WORDS = {Feedback.PLI: "pli", Feedback.FIR: "fir", Feedback.TMMBR: "tmmbr"}


def our_end(offer: SessionDescription):
    secure = any("SAVP" in one.protocol for one in offer.media)
    camera = LocalLine(20004, 20005, CRYPTO if secure else ())
    return replace(SECURE if secure else LOCAL, camera=camera)


@pytest.mark.parametrize("name", UNITS)
def test_each_unit_is_answered_line_by_line_as_written(name):
    offer = session(name)
    written, _ = compose_answer(offer, read_offer(offer), our_end(offer), SERVERS)
    lines, _ = expected(name)
    assert written.text.split("\r\n") == [*lines, ""]


@pytest.mark.parametrize("name", UNITS)
def test_each_offer_means_what_is_written(name):
    offer = session(name)
    peer = read_offer(offer)
    main, *slides = expected(name)[1]
    said = MEANING.fullmatch(main)
    assert said, main
    assert said["cut"] is None or said["cut"] in limits(offer, peer)
    assert said.group("modes", "size", "br", "feedback", "sound", "keys") == meant(offer, peer)
    assert slides == (["slides " + of_slides(peer)] if name == "tandberg_c20" else [])


def meant(offer: SessionDescription, peer: PeerMedia) -> tuple[str, ...]:
    assert peer.video is not None
    assert peer.audio is not None
    picture, can = peer.lines[peer.video], peer.capability.h264
    assert can is not None
    _, agreement = compose_answer(offer, peer, our_end(offer), SERVERS)
    sound = agreement.audio
    assert sound is not None
    return (
        ",".join(str(mode) for mode in sorted(can.modes)),
        "{}x{}@{}".format(*h264.best_size(can)),
        str(can.br_kbps),
        ",".join(word for kind, word in WORDS.items() if kind in picture.feedback) or "none",
        str(sound.send[0][0]),
        "none" if sound.telephone_event is None else "4733",
    )


def of_slides(peer: PeerMedia) -> str:
    assert peer.slides is not None
    can = h264.limits_of(peer.lines[peer.slides].formats[0])
    assert can is not None
    return "{}x{}@{} / {}".format(*h264.best_size(can), can.br_kbps)


def limits(offer: SessionDescription, peer: PeerMedia) -> set[str]:
    """Return what the unit states itself, of the session and of its picture, in kbit/s."""
    assert peer.video is not None
    found = set()
    for section in (offer, offer.media[peer.video]):
        for kind, unit in (("AS", 1), ("CT", 1), ("TIAS", 1000)):
            value = stated(section, kind)
            if value is not None:
                found.add(f"{kind} {value // unit}")
    return found


@pytest.mark.parametrize("name", UNITS)
@pytest.mark.parametrize("single_nal", [False, True])
def test_nothing_is_answered_that_was_not_offered_or_cannot_be_decoded(name, single_nal):
    offer = session(name)
    peer = read_offer(offer)
    policy = replace(SERVERS, single_nal_receivers=single_nal)
    written, agreement = compose_answer(offer, peer, our_end(offer), policy)
    for line in agreement.lines:
        theirs = peer.lines[line.index]
        assert set(written.media[line.index].formats) <= set(offer.media[line.index].formats)
        codecs = {form.codec for form in theirs.formats if str(form.pt) in
                  written.media[line.index].formats}  # fmt: skip
        assert codecs <= {
            Codec.G722, Codec.PCMA, Codec.PCMU, Codec.TELEPHONE_EVENT, Codec.H264,
        }  # fmt: skip
    assert agreement.video is not None
    form = next(
        form for form in peer.lines[agreement.video.index].formats
        if form.pt == agreement.video.send[0][0]
    )  # fmt: skip
    assert (h264.profile_level(form) or (0,))[0] == 66


def test_svc_and_lost_packet_recovery_are_nobodys_affair():
    lpr = offered("polycom_group").replace(
        b"112 96 34\r\n", b"112 113 96 34\r\na=rtpmap:113 vnd.polycom.lpr/9000\r\n"
        b"a=fmtp:113 V=2;minPP=0;PP=150;RS=52;RP=10;PS=1400\r\n",
    )  # fmt: skip
    offer = parse(lpr)
    written, _ = compose_answer(offer, read_offer(offer), our_end(offer), SERVERS)
    assert written.text.split("\r\n") == [*expected("polycom_group")[0], ""]
    only = parse(lpr.replace(b"109 110 111 112 113 96 34", b"112 113"))
    refused, agreement = compose_answer(only, read_offer(only), SECURE, SERVERS)
    assert (refused.media[1].port, refused.media[1].formats) == (0, ("112", "113"))
    assert agreement.audio is not None


def test_a_unit_that_counts_its_session_without_headers_is_answered_so():
    offer = parse(offered("tandberg_mxp").replace(b"b=CT:768", b"b=TIAS:704000"))
    written, _ = compose_answer(offer, read_offer(offer), LOCAL, SERVERS)
    assert list(written.fields("b")) == ["AS:1536", "TIAS:1414000"]


def test_far_end_camera_is_refused_where_nobody_may_listen():
    for name in ("polycom_group", "tandberg_c20"):
        offer = session(name)
        alone = replace(our_end(offer), camera=None)
        written, agreement = compose_answer(offer, read_offer(offer), alone, SERVERS)
        assert (written.media[-1].port, written.media[-1].formats) == (0, ("100",))
        assert agreement.camera is None


def test_a_camera_stays_in_our_own_description_of_mid_call():
    offer = session("tandberg_c20")
    ours = replace(SERVERS, single_nal_receivers=True)
    again = compose_reoffer(offer, read_offer(offer), our_end(offer), ours)
    assert [one.port for one in again.media] == [20000, 20002, 0, 0, 20004]
    agreement = read_answer(again, parse(bytes(again).replace(b"198.51.100.5", b"192.0.2.23")))
    assert agreement.camera is not None
    assert agreement.camera.send == ((100, Codec.H224),)
    assert agreement.camera.remote == Address("192.0.2.23", 20004)
