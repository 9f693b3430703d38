import pytest

from sfu.model import Address
from sfu.signalling.capability import Feedback
from sfu.signalling.sdp import attribute
from tests.signalling.sdp.shapes import description, session


def line(*attributes: str, head: str = ""):
    text = "m=video 5000 RTP/AVP 96\n" + "".join(f"a={one}\n" for one in attributes)
    made = description(text, head=head)
    return made, made.media[0]


def media(*attributes: str):
    return line(*attributes)[1]


def test_three_feedback_words_stand_on_one_line_of_a_polycom():
    found = attribute.feedback_of(session("polycom_hdx").media[1], 109)
    assert found == {Feedback.FIR, Feedback.TMMBR}


def test_feedback_of_another_number_is_not_ours():
    one = media("rtcp-fb:97 nack", "rtcp-fb:96 nack pli", "rtcp-fb:* goog-remb", "rtcp-fb:96")
    assert attribute.feedback_of(one, 96) == {Feedback.PLI, Feedback.REMB}


def test_unknown_feedback_is_left_out():
    one = media("rtcp-fb:* ccm tstr", "rtcp-fb:* nack sli", "rtcp-fb:* ccm", "rtcp-fb:* x")
    assert attribute.feedback_of(one, 96) == frozenset()


@pytest.mark.parametrize("way", attribute.DIRECTIONS)
def test_the_direction_of_the_line_wins_over_the_sessions(way):
    assert attribute.direction_of(*line(way, head="a=inactive\n")) == way
    assert attribute.direction_of(*line(head=f"a={way}\n")) == way


def test_without_a_direction_both_send():
    assert attribute.direction_of(*line()) == "sendrecv"
    assert attribute.reversed_direction("sendonly") == "recvonly"
    assert attribute.reversed_direction("inactive") == "inactive"


def test_sdes_lines_keep_their_text():
    (crypto,) = attribute.crypto_of(session("polycom_group").media[0])
    assert (crypto.tag, crypto.suite) == (1, "AES_CM_128_HMAC_SHA1_80")
    assert crypto.text.endswith("|2^31")
    assert attribute.crypto_of(media("crypto:x Y inline:z", "crypto:1", "crypto:")) == ()


def test_candidates_are_read_and_odd_ones_left_out():
    one = media(
        "candidate:1 1 UDP 2130706431 2001:db8::1 10000 typ host generation 0",
        "candidate:1 1 udp 2130706431 192.0.2.1 10000",
        "candidate:1 1 udp 99999999999 192.0.2.1 10000 typ host",
        "candidate:1 1 udp 1 192.0.2.1 70000 typ host",
    )
    assert attribute.candidates_of(one) == (
        attribute.Candidate(1, "udp", 2130706431, Address("2001:db8::1", 10000), "host"),
    )


def test_extension_ids_beyond_the_one_byte_form_are_left_out():
    one = media("extmap:3/recvonly urn:a", "extmap:14 urn:b", "extmap:15 urn:c", "extmap:1/x urn:d")
    assert attribute.extmaps_of(one) == (
        attribute.Extmap(3, "urn:a", "recvonly"),
        attribute.Extmap(14, "urn:b", ""),
    )


def test_streams_and_their_groups():
    told = ["ssrc:5 cname:x", "ssrc:5 msid:y", "ssrc:6", "ssrc:", "ssrc:4294967296"]
    grouped = ["ssrc-group:FID 5 6", "ssrc-group:FID x 1", "ssrc-group:SIM 1 2", "ssrc-group:"]
    one = media(*told, *grouped)
    assert attribute.ssrcs_of(one) == (5, 6)
    assert attribute.ssrc_groups_of(one, "FID") == ((5, 6),)


def test_msid_has_a_stream_and_perhaps_a_track():
    assert attribute.msid_of(media("msid:s t")) == ("s", "t")
    assert attribute.msid_of(media("msid:s")) == ("s", "")
    assert attribute.msid_of(media("msid:")) is None


def test_simulcast_layers_are_those_listed_and_declared():
    one = media("rid:l send", "rid:m send", "rid:h recv", "simulcast:recv x send ~l;m,q;h;l")
    assert attribute.sent_rids_of(one) == ("l", "m")
    assert attribute.sent_rids_of(media("rid:l send", "simulcast:send")) == ()
    assert attribute.sent_rids_of(media("rid:l send")) == ()


def test_a_mid_that_fits_no_header_extension_is_none():
    assert attribute.mid_of(media("mid:video")) == "video"
    assert attribute.mid_of(media("mid:" + "a" * 17)) == ""
    assert attribute.mid_of(media("mid:é")) == ""


def test_only_the_bundle_group_is_the_bundle():
    made, _ = line(head="a=group:LS 1\na=group:\na=group:BUNDLE a b\n")
    assert attribute.bundled(made) == ("a", "b")


def test_fingerprints_of_the_line_win_over_the_sessions():
    made = line("fingerprint:SHA-256 aa:bb", head="a=fingerprint:sha-1 cc\n")
    assert attribute.fingerprints_of(*made) == (attribute.Fingerprint("sha-256", "AA:BB"),)
    other = line("fingerprint:", head="a=fingerprint:sha-1 cc\n")
    assert attribute.fingerprints_of(*other) == (attribute.Fingerprint("sha-1", "CC"),)


@pytest.mark.parametrize(
    ("text", "floor"),
    [
        ("floorid:2 mstrm:12", attribute.Floor(2, ("12",))),
        ("floorid:1 m-stream:2", attribute.Floor(1, ("2",))),
        ("floorid:1 mstrm:10 11", attribute.Floor(1, ("10", "11"))),
        ("floorid:1", attribute.Floor(1, ())),
    ],
)
def test_floors_name_the_lines_they_rule(text, floor):
    assert attribute.floors_of(media(text)) == (floor,)


def test_a_floor_without_a_number_is_none():
    assert attribute.floors_of(media("floorid:", "floorid:x mstrm:1")) == ()


def test_the_connection_of_the_line_wins_and_a_broken_one_is_none():
    made = description("m=audio 1 RTP/AVP 0\nc=IN IP4 192.0.2.77/127\n", "m=audio 1 RTP/AVP 0\n")
    hosts = [attribute.connection_of(made, one) for one in made.media]
    assert hosts == ["192.0.2.77", "192.0.2.9"]


def test_packet_times_outside_10_to_60_ms_are_not_taken():
    assert attribute.ptime_of(media("ptime:30")) == 30
    assert attribute.ptime_of(media("ptime:20.0")) == 20
    assert attribute.ptime_of(media("ptime:5")) is attribute.ptime_of(media("ptime:x")) is None
