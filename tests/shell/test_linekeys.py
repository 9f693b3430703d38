"""Keys of one m= line, as descriptions carry them and the engine gets them."""

import re
import time

import pytest

from sfu.config import Settings, Sip
from sfu.config.protocol import MediaEncryption, OfferedEncryption
from sfu.errors import PeerError
from sfu.media.connect.dtls import Identity
from sfu.media.engine.command import SetKeys
from sfu.model import CallId, Latch, MemberId, SrtpSuite
from sfu.shell.codec_leg import CodecLeg
from sfu.signalling.call import Accept, Reject
from tests.shell.stage import HDX_HOST, IDENTITY, codec_offer, stage

THEIRS = Identity(time.time()).fingerprint
KEY = "inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd"
LONG_KEY = "inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLQ=="
CM80, CM32 = "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"
DTLS = f"a=setup:actpass\na=fingerprint:{THEIRS.algorithm} {THEIRS.value}\n"


def offer(profile="RTP/AVP", keys="", kinds=("audio", "video")):
    """Return an offer of a unit whose lines all have these attributes."""
    text = f"v=0\no=- 1 1 IN IP4 {HDX_HOST}\ns=-\nc=IN IP4 {HDX_HOST}\nt=0 0\n"
    for port, kind in enumerate(kinds):
        pt = 97 if kind == "video" else 9
        text += f"m={kind} {5000 + 2 * port} {profile} {pt}\n"
        text += "a=rtpmap:97 H264/90000\n" if pt == 97 else ""
        text += keys
    return text.replace("\n", "\r\n").encode()


def answer(profile="RTP/AVP", keys=""):
    return offer(profile, keys).replace(b"m=video 5002", b"m=video 5004")


@pytest.fixture
def house():
    with stage() as made:
        yield made


def leg_of(house):
    return CodecLeg(
        MemberId("m1"), CallId(1), "Lajoux", house.around, host="198.51.100.5",
        peer_host=HDX_HOST, model="", now=house.now,
    )  # fmt: skip


@pytest.fixture
def leg(house):
    return leg_of(house)


def paths(house, leg):
    return [house.engine.transports[one] for one in leg.transports()]


def values(text, name):
    return re.findall(rf"a={name}:([^\r]*)", text.decode())


# ---- SDES


def test_keys_on_a_plain_profile_are_answered_there_and_used(house, leg):
    said = leg.answer(offer("RTP/AVP", f"a=crypto:1 {CM80} {KEY}|2^31\n"))
    assert said.count(b" RTP/AVP ") == 2
    assert [one.split()[:2] for one in values(said, "crypto")] == [["1", CM80]] * 2
    assert all(one.secure for one in paths(house, leg))
    assert len(house.engine.of(SetKeys)) == 4


@pytest.mark.parametrize("profile", ["RTP/SAVP", "RTP/SAVPF", "RTP/AVP", "RTP/AVPF"])
@pytest.mark.parametrize("suite", SrtpSuite)
def test_every_suite_is_answered_under_every_profile(house, leg, suite, profile):
    key = {30: KEY, 46: LONG_KEY}.get(suite.key_bytes + suite.salt_bytes)
    if key is None:
        key = LONG_KEY[: 7 + (suite.key_bytes + suite.salt_bytes) * 4 // 3 + 1]
    said = leg.answer(offer(profile, f"a=crypto:7 {suite.name} {key}\n"))
    assert said.count(f" {profile} ".encode()) == 2
    assert {one.keys.suite for one in house.engine.of(SetKeys)} == {suite}


def test_an_mki_is_read_in_their_packets_and_there_is_none_in_ours(house, leg):
    said = leg.answer(offer("RTP/SAVP", f"a=crypto:1 {CM80} {KEY}|2^48|1:4\n"))
    assert "|" not in values(said, "crypto")[0]
    keys = {one.sending: one.keys for one in house.engine.of(SetKeys)}
    assert (keys[True].mki, keys[False].mki) == (b"", b"\0\0\0\1")


@pytest.mark.parametrize("parameter", ["UNENCRYPTED_SRTP", "UNAUTHENTICATED_SRTP", "KDR=4"])
def test_keys_that_do_not_protect_are_passed_over(house, leg, parameter):
    bad = f"a=crypto:1 {CM80} {KEY} {parameter}\n"
    said = leg.answer(offer("RTP/SAVP", bad + f"a=crypto:2 {CM32} {KEY}\n"))
    assert values(said, "crypto")[0].split()[:2] == ["2", CM32]
    with pytest.raises(PeerError, match="no encryption in common"):
        leg_of(house).answer(offer("RTP/SAVP", bad))
    assert values(leg_of(house).answer(offer("RTP/AVP", bad)), "crypto") == []


def test_best_effort_goes_on_in_clear_with_who_knows_no_keys(house):
    settings = Settings(sip=Sip(offered_encryption=OfferedEncryption.BEST_EFFORT))
    with stage(settings) as house:
        plain, secret = leg_of(house), leg_of(house)
        for leg in (plain, secret):
            said = leg.offer()
            assert said.count(b" RTP/AVP ") == 2
            assert len(values(said, "crypto")) == 2
        plain.take_answer(answer())
        secret.take_answer(answer("RTP/AVP", f"a=crypto:1 {CM80} {KEY}\n"))
        assert [one.secure for one in paths(house, plain)] == [False] * 2
        assert [one.secure for one in paths(house, secret)] == [True] * 2
        assert values(plain.offer(), "crypto") == []  # nor offered anew in mid call
        for leg in (plain, secret):
            leg.close()


def test_what_we_offered_encrypted_is_never_carried_in_clear(house, leg):
    leg.offer(secure=True)
    with pytest.raises(PeerError):
        leg.take_answer(answer("RTP/AVP"))
    assert not set(leg.transports()) & set(house.engine.transports)


@pytest.mark.parametrize(
    "keys", [f"1 {CM32} {KEY}", f"1 {CM80} {KEY} UNENCRYPTED_SRTP", f"1 {CM80} inline:AA"]
)
def test_an_answer_with_other_keys_than_those_offered_is_refused(house, leg, keys):
    leg.offer(secure=True)
    with pytest.raises(PeerError) as refusal:
        leg.take_answer(answer("RTP/SAVP", f"a=crypto:{keys}\n"))
    assert refusal.value.status == 488
    assert not set(leg.transports()) & set(house.engine.transports)


# ---- DTLS


@pytest.mark.parametrize(
    ("theirs", "ours"), [("actpass", "passive"), ("active", "passive"), ("passive", "active")]
)
def test_dtls_is_answered_with_the_part_that_is_left(house, leg, theirs, ours):
    said = leg.answer(offer("UDP/TLS/RTP/SAVP", DTLS.replace("actpass", theirs)))
    assert said.count(b" UDP/TLS/RTP/SAVP ") == 2
    assert values(said, "setup") == [ours] * 2
    assert values(said, "fingerprint")[0] == f"sha-256 {IDENTITY.fingerprint.value}"
    assert values(said, "crypto") == []
    both = paths(house, leg)
    assert all(one.secure and one.latch is Latch.FIRST_VALID for one in both)
    assert all(one.rtp_socket != one.rtcp_socket for one in both)
    assert house.engine.of(SetKeys) == []  # nothing passes before the handshake
    # a re-INVITE of either side leaves the parts as they are
    again = leg.answer(offer("UDP/TLS/RTP/SAVP", DTLS + "a=ptime:20\n"))
    assert values(again, "setup") == [ours] * 2
    assert values(leg.offer(), "setup") == [ours] * 2


def test_rtcp_shares_the_port_where_a_dtls_line_offers_it(house, leg):
    said = leg.answer(offer("UDP/TLS/RTP/SAVPF", DTLS + "a=rtcp-mux\n"))
    assert said.count(b"a=rtcp-mux") == 2
    assert all(one.rtp_socket == one.rtcp_socket for one in paths(house, leg))
    assert b"a=rtcp-mux" not in leg_of(house).answer(offer("RTP/AVP", "a=rtcp-mux\n"))


def test_a_certificate_under_a_plain_profile_is_taken_too_but_known_keys_go_before(house, leg):
    assert values(leg.answer(offer("RTP/AVP", DTLS)), "setup") == ["passive"] * 2
    both = leg_of(house).answer(offer("RTP/SAVP", DTLS + f"a=crypto:1 {CM80} {KEY}\n"))
    assert (values(both, "setup"), len(values(both, "crypto"))) == ([], 2)


def test_a_certificate_known_by_a_weak_hash_alone_is_refused(leg):
    with pytest.raises(PeerError, match="no encryption in common"):
        leg.answer(offer("UDP/TLS/RTP/SAVP", DTLS.replace("sha-256", "sha-1")))


def test_dtls_is_offered_where_it_is_configured():
    settings = Settings(sip=Sip(offered_encryption=OfferedEncryption.DTLS))
    with stage(settings) as house:
        leg = leg_of(house)
        said = leg.offer()
        assert said.count(b" UDP/TLS/RTP/SAVP ") == 2
        assert values(said, "setup") == ["actpass"] * 2
        leg.take_answer(answer("UDP/TLS/RTP/SAVP", DTLS.replace("actpass", "active")))
        assert all(one.secure for one in paths(house, leg))
        assert values(leg.offer(), "setup") == ["passive"] * 2
        refused = leg_of(house)
        refused.offer()
        with pytest.raises(PeerError):
            refused.take_answer(answer("UDP/TLS/RTP/SAVP"))
        for one in (leg, refused):
            one.close()


# ---- what is required


REQUIRED = Settings(sip=Sip(media_encryption=MediaEncryption.REQUIRED))


def test_where_encryption_is_required_who_comes_in_clear_is_told_why():
    with stage(REQUIRED) as house:
        refusal = house.ring(1)
        assert isinstance(refusal, Reject)
        assert (refusal.status, refusal.warning) == (488, "media must be encrypted here")
        line = next(one for one in house.said if one["event"] == "call_refused")
        assert line["reason"] == "media must be encrypted here"
        for call, body in enumerate((codec_offer("polycom_group"), offer("RTP/AVP", DTLS)), 2):
            house.ring(call, offer=body)
        assert [one.call for one in house.of(Accept)] == [2, 3]


def test_where_encryption_is_required_a_line_in_clear_is_refused_alone():
    with stage(REQUIRED) as house:
        sound, video, picture = offer("RTP/AVP", f"a=crypto:1 {CM80} {KEY}\n").partition(b"m=video")
        plain = re.sub(rb"a=crypto[^\r]*\r\n", b"", picture)
        accepted = house.ring(1, offer=sound + video + plain)
        assert isinstance(accepted, Accept)
        assert b"m=video 0 " in accepted.description


def test_where_encryption_is_required_our_offers_are_encrypted():
    with stage(REQUIRED) as house:
        leg = leg_of(house)
        assert leg.offer().count(b" RTP/SAVP ") == 2
        leg.close()
