import asyncio
import re
from collections import Counter

from sfu.shell.password import LINE_MOST, Verifier, hash_password, make_password, verify


def test_a_password_is_known_by_its_hash_alone():
    kept = hash_password("correct horse battery")
    assert kept.startswith("$argon2id$")
    assert "horse" not in kept
    assert verify(kept, "correct horse battery")
    assert not verify(kept, "correct horse batterY")
    assert not verify("", "")
    assert not verify("$argon2id$broken", "x")
    assert hash_password("correct horse battery") != kept


def test_one_that_is_made_has_no_letters_that_are_mistaken():
    made = {make_password() for _ in range(50)}
    assert len(made) == 50
    assert all(re.fullmatch(r"([a-hjkmnp-z2-9]{4}-){4}[a-hjkmnp-z2-9]{4}", one) for one in made)


def test_nobodys_password_is_reckoned_like_anybodys():
    kept = hash_password("correct horse battery")

    async def story():
        verifier = Verifier()
        words = ("correct horse battery", "other horse battery")
        return [await verifier.check(hash, word) for hash in (kept, None, "") for word in words]

    assert asyncio.run(story()) == [True, False, False, False, False, False]


def test_new_passwords_wait_in_the_same_line():
    async def story():
        verifier = Verifier()
        hashes = await asyncio.gather(*(verifier.hash("correct horse battery") for _ in range(3)))
        return len(set(hashes)), verify(hashes[0], "correct horse battery")

    assert asyncio.run(story()) == (3, True)


def test_a_line_that_is_too_long_takes_nobody_more():
    async def story():
        verifier = Verifier()
        asked = [verifier.check(None, "x") for _ in range(LINE_MOST + 3)]
        came = await asyncio.gather(*asked, return_exceptions=True)
        assert await verifier.check(None, "x") is False  # and it empties
        return Counter(getattr(one, "status", one) for one in came)

    assert asyncio.run(story()) == {False: LINE_MOST, 503: 3}
