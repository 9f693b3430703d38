import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.errors import PeerError
from sfu.media.connect import sdes
from sfu.media.connect.sdes import Crypto
from sfu.model import Keys, SrtpSuite

CM80, CM32 = SrtpSuite.AES_CM_128_HMAC_SHA1_80, SrtpSuite.AES_CM_128_HMAC_SHA1_32
INLINE = "inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"
"""The key of RFC 4568 section 6.1's example."""


def keys_of(value: str) -> Keys:
    crypto = sdes.parse(value)
    assert crypto
    return crypto.keys


def test_rfc_4568_example_is_read():
    crypto = sdes.parse(f"1 AES_CM_128_HMAC_SHA1_80 {INLINE}|2^20|1:4")
    assert crypto
    assert (crypto.tag, crypto.lifetime, crypto.keys.mki) == (1, 1 << 20, b"\0\0\0\1")
    assert crypto.keys.key + crypto.keys.salt == b"wDfvg&T+)xG7@fb5jU,RaA}\\|p0%*#"
    assert len(crypto.keys.salt) == 14


@pytest.mark.parametrize(
    ("rest", "lifetime", "mki"),
    [
        ("", 1 << 48, b""),
        ("|2^31", 1 << 31, b""),
        ("|2147483648", 1 << 31, b""),
        ("|1:1", 1 << 48, b"\1"),
        ("|2^99|7:2", 1 << 48, b"\0\7"),
    ],
)
def test_lifetime_and_mki_may_stand_or_not(rest, lifetime, mki):
    crypto = sdes.parse(f"3 AES_CM_128_HMAC_SHA1_32 {INLINE}{rest}")
    assert crypto
    assert (crypto.lifetime, crypto.keys.mki) == (lifetime, mki)


def test_the_first_of_several_keys_is_taken():
    other = "inline:" + base64.b64encode(bytes(30)).decode()
    assert keys_of(f"1 {CM80.name} {INLINE}|1:4;{other}|2:4").mki == b"\0\0\0\1"


def test_padding_may_be_missing():
    text = base64.b64encode(bytes(range(44))).decode().rstrip("=")
    assert keys_of(f"1 AEAD_AES_256_GCM inline:{text}").salt == bytes(range(32, 44))


@pytest.mark.parametrize(
    "value",
    [
        f"1 AES_192_CM_HMAC_SHA1_80 {INLINE}",
        f"1 SEED_CTR_128_HMAC_SHA1_80 {INLINE}",
        f"1 F8_128_HMAC_SHA1_80 {INLINE}",
        f"1 {CM80.name} {INLINE} UNENCRYPTED_SRTP",
        f"1 {CM80.name} {INLINE} UNENCRYPTED_SRTCP",
        f"1 {CM80.name} {INLINE} UNAUTHENTICATED_SRTP",
        f"1 {CM80.name} {INLINE} WSH=64 UNENCRYPTED_SRTP",
        f"1 {CM80.name} {INLINE} FEC_ORDER=FEC_SRTP",
        f"1 {CM80.name} {INLINE} KDR=1",
    ],
)
def test_what_we_do_not_speak_is_passed_over(value):
    assert sdes.parse(value) is None


def test_hints_are_no_obstacle():
    assert sdes.parse(f"1 {CM80.name} {INLINE} WSH=64 KDR=0 -X=1")


@pytest.mark.parametrize(
    "value",
    [
        "",
        f"x {CM80.name} {INLINE}",
        f"1 {CM80.name}",
        f"1 {CM80.name} inline:AAAA",
        f"1 {CM80.name} inline:é!",
        f"1 {CM80.name} {INLINE}|2^x",
        f"1 {CM80.name} {INLINE}|300:1",
        f"1 {CM80.name} {INLINE}|1:129",
    ],
)
def test_what_is_broken_is_refused(value):
    with pytest.raises(PeerError) as refusal:
        sdes.parse(value)
    assert refusal.value.status == 488


@given(st.sampled_from(SrtpSuite), st.binary(min_size=46, max_size=46), st.binary(max_size=4))
def test_what_we_compose_we_parse(suite, noise, mki):
    crypto = sdes.own(7, suite, noise[: sdes.material_bytes(suite)])
    with_mki = Crypto(7, Keys(suite, crypto.keys.key, crypto.keys.salt, mki), 1 << 31)
    assert sdes.parse(sdes.compose(crypto)) == crypto
    assert sdes.parse(sdes.compose(with_mki)) == with_mki


def test_our_preference_decides_and_then_the_offerers():
    offered = [sdes.own(tag, suite, bytes(30)) for tag, suite in ((1, CM32), (2, CM80), (3, CM80))]
    chosen = sdes.choose(offered, [SrtpSuite.AEAD_AES_128_GCM, CM80, CM32])
    assert chosen
    assert chosen.tag == 2
    assert sdes.choose(offered, []) is None


def test_a_line_of_one_key_goes_before_one_of_several_and_one_without_mki_before_one_with():
    other = "inline:" + base64.b64encode(bytes(30)).decode()
    lines = [
        f"1 {CM80.name} {INLINE}|1:4;{other}|2:4",
        f"2 {CM32.name} {INLINE}|1:4",
        f"3 {CM32.name} {INLINE}|2^31",
    ]
    offered = [crypto for line in lines if (crypto := sdes.parse(line))]
    assert [one.several for one in offered] == [True, False, False]
    for wanted in (3, 2, 1):
        chosen = sdes.choose(offered, [CM80, CM32])
        assert chosen
        assert chosen.tag == wanted
        offered.remove(chosen)


@given(st.text(max_size=60) | st.text(max_size=60).map(lambda end: f"1 {CM80.name} inline:{end}"))
def test_a_stranger_raises_peer_error_and_nothing_else(value):
    with contextlib.suppress(PeerError):
        sdes.parse(value)
