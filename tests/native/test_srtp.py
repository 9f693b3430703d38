"""SRTP in C: the RFC vectors, libsrtp as a witness, then what an attacker may not move."""

import random
import struct
import subprocess
import sys
from collections.abc import Iterator

import pylibsrtp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.model import SrtpSuite
from tests.native.srtp_library import (
    EAUTH,
    EFULL,
    EMALFORMED,
    EREPLAY,
    Direction,
    SrtpError,
    build,
    sanitized_environment,
)

SUITES = list(SrtpSuite)
PROFILES = {
    SrtpSuite.AES_CM_128_HMAC_SHA1_80: pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    SrtpSuite.AES_CM_128_HMAC_SHA1_32: pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
    SrtpSuite.AEAD_AES_128_GCM: pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    SrtpSuite.AEAD_AES_256_GCM: pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
}
WITNESSED = list(PROFILES)
"""What the wheel of libsrtp can be asked for: AES-256-CM stands on the vectors of RFC 6188."""
ALPHABET = bytes(range(256)) * 260
GALLIA = bytes.fromhex("8040f17b8041f8d35501a0b2") + b"Gallia est omnis divisa in partes tres"
MARS = bytes.fromhex(
    "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61" + "deadbeef" * 5
)


@pytest.fixture(scope="module")
def native(tmp_path_factory):
    return build(tmp_path_factory.mktemp("srtp"))


def master(suite: SrtpSuite) -> bytes:
    return bytes(range(1, 1 + suite.key_bytes + suite.salt_bytes))


def pair(native, suite: SrtpSuite, mki: bytes = b"") -> tuple[Direction, Direction]:
    return Direction(native, suite, master(suite), mki), Direction(
        native, suite, master(suite), mki
    )


def libsrtp(suite: SrtpSuite, inbound: bool) -> pylibsrtp.Session:
    ssrc = pylibsrtp.Policy.SSRC_ANY_INBOUND if inbound else pylibsrtp.Policy.SSRC_ANY_OUTBOUND
    return pylibsrtp.Session(pylibsrtp.Policy(master(suite), ssrc, 0, PROFILES[suite]))


def rtp(sequence: int, length: int = 100, ssrc: int = 0x1234, first: int = 0x80) -> bytes:
    header = struct.pack("!BBHII", first, 96, sequence & 0xFFFF, sequence * 3000 & 0xFFFFFFFF, ssrc)
    return header + ALPHABET[sequence % 251 :][:length]


def rtcp(count: int, length: int = 44, ssrc: int = 0x1234) -> bytes:
    words = length // 4 + 1
    return struct.pack("!BBHI", 0x80, 200, words, ssrc) + ALPHABET[count % 251 :][:length]


def refused(code: int):
    return pytest.raises(SrtpError, match=str(code))


# ---- the vectors


def test_rfc_3711_b3_derives_the_session_keys(native):
    ffi, lib = native
    key = bytes.fromhex("E1F97A0D3E018BE0D64FA32C06DE4139")
    salt = bytes.fromhex("0EC675AD498AFEEBB6960B3AABE6")
    wanted = {
        0: "C61E7A93744F39EE10734AFE3FF7A087",
        1: "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4",
        2: "30CBBC08863D8C85D49DB34A9AE1",
    }
    for label, value in wanted.items():
        out = ffi.new("uint8_t[]", len(value) // 2)
        assert lib.inside_derive(key, salt, label, out, len(out))
        assert bytes(out).hex().upper() == value


def rekeyed(native, suite: SrtpSuite, key: bytes, salt: bytes) -> Direction:
    direction = Direction(native, suite, master(suite))
    assert direction.lib.inside_rekey(direction.srtp, key, salt, 0x4D617273, 0x5D3)
    return direction


def test_rfc_3711_b2_gives_the_counter_mode_keystream(native):
    key = bytes.fromhex("2B7E151628AED2A6ABF7158809CF4F3C")
    salt = bytes(range(0xF0, 0xFE))
    sender = rekeyed(native, SrtpSuite.AES_CM_128_HMAC_SHA1_80, key, salt)
    protected = sender.protect(bytes([0x80]) + bytes(11) + bytes(1044512))
    assert protected[12:60].hex().upper() == (
        "E03EAD0935C95E80E166B16DD92B4EB4D23513162B02D0F72A43A2FE4A5F97AB"
        "41E95B3BB0A2E8DD477901E4FCA894C0"
    )
    assert protected[-58:-10].hex().upper() == (
        "EC8CDF7398607CB0F2D21675EA9EA1E4362B7C3C6773516318A077D7FC5073AE"
        "6A2CC3787889374FBEB4C81B17BA6C44"
    )


def test_rfc_6188_7_2_derives_the_session_keys_of_256_bits(native):
    ffi, lib = native
    key = bytes.fromhex("f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6")
    salt = bytes.fromhex("3b04803de51ee7c96423ab5b78d2")
    wanted = {
        0: "5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4",
        1: "fd9c32d39ed5fbb5a9dc96b30818454d1313dc05",
        2: "fa31791685ca444a9e07c6c64e93",
    }
    for label, value in wanted.items():
        out = ffi.new("uint8_t[]", len(value) // 2)
        assert lib.inside_derive_256(key, salt, label, out, len(out))
        assert bytes(out).hex() == value


def test_rfc_6188_7_1_gives_the_counter_mode_keystream_of_256_bits(native):
    key = bytes.fromhex("57f82fe3613fd170a85ec93c40b1f0922ec4cb0dc025b58272147cc438944a98")
    sender = rekeyed(native, SrtpSuite.AES_256_CM_HMAC_SHA1_80, key, bytes(range(0xF0, 0xFE)))
    protected = sender.protect(bytes([0x80]) + bytes(11) + bytes(1044512))
    assert protected[12:60].hex() == (
        "92bdd28a93c3f52511c677d08b5515a49da71b2378a854f67050756ded165bac"
        "63c4868b7096d88421b563b8c94c9a31"
    )
    assert protected[-58:-10].hex() == (
        "cea518c90fd91ced9cbb18c078a547113dbc4814f4da5f00a08772b63c6a046d"
        "6eb246913062a16891433e97dd01a57f"
    )


@pytest.mark.parametrize("bits", [80, 32])
def test_the_tag_is_as_long_as_the_suite_says_and_that_of_rtcp_always_80_bits(native, bits):
    sender, _ = pair(native, SrtpSuite[f"AES_256_CM_HMAC_SHA1_{bits}"])
    assert len(sender.protect(rtp(1))) == len(rtp(1)) + bits // 8
    assert len(sender.protect_rtcp(rtcp(1))) == len(rtcp(1)) + 4 + 10


RFC_7714 = [
    (
        SrtpSuite.AEAD_AES_128_GCM,
        "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833"
        "899d7f27beb16a9152cf765ee4390cce",
        "63e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded"
        "0bb9275bc84aa45896cf4d2fc5abf87245d9eade800005d4",
    ),
    (
        SrtpSuite.AEAD_AES_256_GCM,
        "32b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b"
        "7aa3db36dfffd6b0f9bb7878d7a76c13",
        "d50ae4d1f5ce5d304ba297e47d470c282c3ece5dbffe0a50a2eaa5c1110555be8415f658c61de047"
        "6f1b6fad1d1eb30c4446839f57ff6f6cb26ac3be800005d4",
    ),
]


@pytest.mark.parametrize(("suite", "rtp_text", "rtcp_text"), RFC_7714)
def test_rfc_7714_16_and_17_both_ways(native, suite, rtp_text, rtcp_text):
    key, salt = bytes(range(suite.key_bytes)), b"Quid pro quo"
    sender, receiver = (rekeyed(native, suite, key, salt) for _ in range(2))
    sealed = GALLIA[:12] + bytes.fromhex(rtp_text)
    assert sender.protect(GALLIA) == sealed
    assert receiver.unprotect(sealed) == GALLIA
    sealed = MARS[:8] + bytes.fromhex(rtcp_text)
    assert sender.protect_rtcp(MARS) == sealed
    assert receiver.unprotect_rtcp(sealed) == MARS


def test_rfc_7714_17_3_takes_rtcp_that_is_tagged_but_in_the_clear(native):
    receiver = rekeyed(native, SrtpSuite.AEAD_AES_128_GCM, bytes(range(16)), b"Quid pro quo")
    tagged = MARS + bytes.fromhex("841dd9683dd78ec92ae58790125f62b3000005d4")
    assert receiver.unprotect_rtcp(tagged) == MARS


# ---- libsrtp as a witness


def stormy(seed: int, steps: int = 3000) -> Iterator[int]:
    """Indices over several rollovers: losses, neighbours swapped, some packets late."""
    dice, index, late = random.Random(seed), 30_000, []
    for _ in range(steps):
        index += dice.choice((1, 1, 1, 2, 5, 60, 200))
        if index & 0xFFFF > 0xFFF0 or dice.random() < 0.1:
            late.append(index)  # mostly around the wrap
            continue
        yield index
        while late and (dice.random() < 0.3 or index - late[0] > 40):
            if index - (old := late.pop(0)) < 120:
                yield old


@pytest.mark.parametrize("suite", WITNESSED)
def test_every_byte_is_libsrtps_over_several_rollovers(native, suite):
    ours, receiver = pair(native, suite)
    theirs, witness = libsrtp(suite, inbound=False), libsrtp(suite, inbound=True)
    indices = list(stormy(suite))
    assert max(indices) >> 16 >= 2
    assert indices != sorted(indices)
    for index in indices:
        plain = rtp(index, length=index % 1345)
        sealed = ours.protect(plain)
        assert sealed == theirs.protect(plain)
        assert receiver.unprotect(sealed) == plain
        assert witness.unprotect(sealed) == plain


@pytest.mark.parametrize("suite", WITNESSED)
def test_rtcp_is_libsrtps_too(native, suite):
    ours, receiver = pair(native, suite)
    theirs, witness = libsrtp(suite, inbound=False), libsrtp(suite, inbound=True)
    for count in range(200):
        plain = rtcp(count, length=4 * (count % 300), ssrc=count % 3)
        sealed = ours.protect_rtcp(plain)
        assert sealed == theirs.protect_rtcp(plain)
        assert receiver.unprotect_rtcp(sealed) == plain
        assert witness.unprotect_rtcp(sealed) == plain


@pytest.mark.parametrize("suite", WITNESSED)
def test_csrcs_and_extensions_stay_in_the_clear_and_are_authentic(native, suite):
    behind = struct.pack("!IIHH", 7, 8, 0xBEDE, 2) + b"\x10\x81\x22\x33\x44\x00\x00\x00"
    plain = rtp(5, 0, first=0x92) + behind + ALPHABET[:300]
    sender, receiver = pair(native, suite)
    sealed = sender.protect(plain, header=12 + len(behind))
    assert sealed[: 12 + len(behind)] == plain[: 12 + len(behind)]
    assert sealed == libsrtp(suite, inbound=False).protect(plain)
    with refused(EAUTH):
        receiver.unprotect(sealed[:20] + bytes([sealed[20] ^ 1]) + sealed[21:])
    assert receiver.unprotect(sealed) == plain


# ---- what we carry and libsrtp does not


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("length", [0, 1, 1449, 1500, 9000, 65_000])
def test_any_length_makes_the_round_trip(native, suite, length):
    sender, receiver = pair(native, suite)
    assert receiver.unprotect(sender.protect(rtp(1, length))) == rtp(1, length)
    assert receiver.unprotect_rtcp(sender.protect_rtcp(rtcp(1, length))) == rtcp(1, length)


@pytest.mark.parametrize("suite", SUITES)
def test_an_mki_is_sent_and_wanted(native, suite):
    sender, receiver = pair(native, suite, mki=b"\0\0\0\7")
    sealed, control = sender.protect(rtp(1)), sender.protect_rtcp(rtcp(1))
    assert b"\0\0\0\7" in sealed
    assert b"\0\0\0\7" in control
    stranger = Direction(native, suite, master(suite), b"\0\0\0\x08")
    for refuse in (stranger.unprotect, Direction(native, suite, master(suite)).unprotect):
        with refused(EAUTH):
            refuse(sealed)
    with refused(EAUTH):
        stranger.unprotect_rtcp(control)
    assert receiver.unprotect(sealed) == rtp(1)
    assert receiver.unprotect_rtcp(control) == rtcp(1)


@pytest.mark.parametrize("suite", SUITES)
def test_the_payload_may_stand_behind_the_header_already(native, suite):
    apart, in_place = pair(native, suite)
    assert apart.protect(rtp(9)) == in_place.protect_in_place(rtp(9))


# ---- what nobody may do


@pytest.mark.parametrize("suite", SUITES)
def test_a_replay_is_refused(native, suite):
    sender, receiver = pair(native, suite)
    sealed = [sender.protect(rtp(sequence)) for sequence in range(65_500, 65_600)]
    controls = [sender.protect_rtcp(rtcp(count)) for count in range(10)]
    for packet in sealed:
        receiver.unprotect(packet)
    for packet in controls:
        receiver.unprotect_rtcp(packet)
    for packet in sealed:
        with refused(EREPLAY):
            receiver.unprotect(packet)
    for packet in controls:
        with refused(EREPLAY):
            receiver.unprotect_rtcp(packet)


def test_a_packet_older_than_the_window_is_refused(native):
    sender, receiver = pair(native, SrtpSuite.AEAD_AES_128_GCM)
    sealed = {sequence: sender.protect(rtp(sequence)) for sequence in range(1, 1000)}
    receiver.unprotect(sealed[999])
    assert receiver.unprotect(sealed[999 - 128]) == rtp(999 - 128)
    assert receiver.unprotect(sealed[40]) == rtp(40)
    with refused(EREPLAY):
        receiver.unprotect(sealed[39])


@pytest.mark.parametrize("suite", SUITES)
def test_forged_packets_move_nothing(native, suite):
    sender, receiver = pair(native, suite)
    receiver.unprotect(sender.protect(rtp(100)))
    for sequence in (101, 33_000, 40_000, 65_535, 20):  # would move ROC or window
        with refused(EAUTH):
            receiver.unprotect(rtp(sequence, 200))
    with refused(EAUTH):
        receiver.unprotect_rtcp(rtcp(1) + b"\x80\x00\xff\xff" + bytes(10))
    assert receiver.unprotect(sender.protect(rtp(101))) == rtp(101)
    assert receiver.unprotect_rtcp(sender.protect_rtcp(rtcp(1))) == rtcp(1)


def test_a_stream_is_born_only_of_an_authentic_packet_and_their_number_is_capped(native):
    sender, receiver = pair(native, SrtpSuite.AEAD_AES_128_GCM)
    for ssrc in range(50):
        with refused(EAUTH):
            receiver.unprotect(rtp(1, ssrc=ssrc))
    assert receiver.streams == 0
    for ssrc in range(1024):
        receiver.unprotect(sender.protect(rtp(1, ssrc=ssrc * 0x10001)))
    assert receiver.streams == 1024
    with refused(EFULL):
        sender.protect(rtp(1, ssrc=5))
    stranger = Direction(native, SrtpSuite.AEAD_AES_128_GCM, master(SrtpSuite.AEAD_AES_128_GCM))
    with refused(EFULL):
        receiver.unprotect(stranger.protect(rtp(1, ssrc=5)))


def test_one_index_never_protects_two_plaintexts(native):
    sender, _ = pair(native, SrtpSuite.AEAD_AES_128_GCM)
    sender.protect(rtp(7, 10))
    with refused(EREPLAY):
        sender.protect(rtp(7, 11))


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize(
    "packet",
    [b"", b"\x80", rtp(1, 0)[:11], rtp(1, 3), rtp(1, 9, first=0x9F), rtp(1, 60, first=0x40)],
)
def test_what_cannot_be_srtp_is_malformed(native, suite, packet):
    receiver = Direction(native, suite, master(suite))
    with refused(EMALFORMED):
        receiver.unprotect(packet)
    with refused(EMALFORMED):
        receiver.unprotect_rtcp(packet[:21])


@pytest.mark.parametrize("suite", SUITES)
def test_nothing_is_written_past_the_buffer(native, suite):
    sender, _ = pair(native, suite)
    tag = 16 if suite >= SrtpSuite.AEAD_AES_128_GCM else 10
    with refused(EMALFORMED):
        sender.protect(rtp(1), room=3)
    with refused(EMALFORMED):
        sender.protect_rtcp(rtcp(1), room=tag + 3)
    assert len(sender.protect_rtcp(rtcp(1), room=tag + 4)) == len(rtcp(1)) + tag + 4


def test_an_unknown_suite_makes_nothing(native):
    ffi, lib = native
    assert lib.srtp_new(5, bytes(32), bytes(14), b"", 0) == ffi.NULL  # no encryption at all
    assert lib.srtp_new(1, bytes(32), bytes(14), bytes(129), 129) == ffi.NULL


@given(packet=st.binary(max_size=80), suite=st.sampled_from(SUITES))
def test_noise_is_never_accepted(native, packet, suite):
    receiver = Direction(native, suite, master(suite))
    for refuse in (receiver.unprotect, receiver.unprotect_rtcp):
        with pytest.raises(SrtpError):
            refuse(packet)
    assert receiver.streams == 0


@pytest.mark.native
def test_all_of_this_under_address_and_undefined_behaviour_sanitizers():
    command = [sys.executable, "-m", "pytest", "-q", "-m", "not native", __file__]
    run = subprocess.run(command, env=sanitized_environment(), capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
