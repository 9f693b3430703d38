"""Proofs of a password, as another stack makes them, and what spoils them.

Both messages are registrations of CallGen323 2.3.0 (H323Plus 1.28.0) at this server on 22 November
2026, from a test host of ours: user lajoux, password secret.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.signalling.h323.alias import Alias
from sfu.signalling.h323.rasread import read
from sfu.signalling.h323.token import MessageHash, PasswordHash, Proof, is_right, prove

ANNEX_D = bytes.fromhex(
    "0ec0555f060008914a00078001000a63000206b801000a630002e6e322c00900003d1148333233506c7573204361"
    "6c6c47656e000019322e332e30202848333233706c75732076312e32382e3029000000014005006c0061006a006f"
    "0075007804007300660075600900003d1148333233506c75732043616c6c47656e000019322e332e302028483332"
    "33706c75732076312e32382e302900002e2b19024b0174070008816b000201c500070008816b000205c06b0302bb"
    "046d2c689b0400730066007502800d0a006c0061006a006f00750078070008816b000206006087007000055e82c9"
    "cae047fe010001800100010002700001300100"
)
OLD_MD5 = bytes.fromhex(
    "0ec096b9060008914a00078001000a63000206b801000a630002b28322c00900003d1148333233506c7573204361"
    "6c6c47656e000019322e332e30202848333233706c75732076312e32382e3029000000014005006c0061006a006f"
    "0075007804007300660075600900003d1148333233506c75732043616c6c47656e000019322e332e302028483332"
    "33706c75732076312e32382e302900002e2b190230010405006c0061006a006f00750078c06b030380082a864886"
    "f70d02050080803f6cc8fc1c77ad650faeebd0b333a742010001800100010002700001300100"
)


def only_proof(octets: bytes) -> Proof:
    (proof,) = read(octets)[1]
    return proof


@pytest.mark.parametrize(("octets", "kind"), [(ANNEX_D, MessageHash), (OLD_MD5, PasswordHash)])
def test_another_stacks_proof_is_right_for_its_password_alone(octets, kind):
    proof = only_proof(octets)
    assert isinstance(proof, kind)
    assert is_right(proof, "secret", octets)
    assert not is_right(proof, "Secret", octets)
    assert not is_right(proof, "", octets)


def test_they_tell_who_and_when():
    signed, old = only_proof(ANNEX_D), only_proof(OLD_MD5)
    assert isinstance(signed, MessageHash)
    assert isinstance(old, PasswordHash)
    assert (signed.sender, signed.receiver) == ("lajoux", "sfu")
    assert old.alias == Alias("h323-ID", "lajoux")
    assert abs(signed.time - 1_795_359_420) < 2
    assert abs(old.time - 1_795_359_617) < 2


def test_ours_of_the_old_kind_is_theirs():
    old = only_proof(OLD_MD5)
    assert prove(Alias("h323-ID", "lajoux"), "secret", old.time) == old


@given(st.integers(0, len(ANNEX_D) - 1), st.integers(0, 7))
def test_nothing_in_a_signed_message_can_be_altered(at, bit):
    octets = bytearray(ANNEX_D)
    octets[at] ^= 1 << bit
    proof = only_proof(ANNEX_D)
    assert not is_right(proof, "secret", bytes(octets))
