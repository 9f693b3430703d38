"""Who comes again with the same words has a share of its own, and memory has a bound."""

from sfu.signalling.sip.returning import LATEST_S, MAX_REFUSED, SOONEST_S, Returning

HOST, WORDS = "203.0.113.9", b"INVITE sip:4201@x SIP/2.0"


def test_who_says_the_same_again_in_time_may():
    one = Returning()
    assert not one.may(HOST, WORDS, 10.0, 1.0, 1)
    assert not one.may(HOST, WORDS, 10.0 + SOONEST_S / 2, 1.0, 1)
    assert one.may(HOST, WORDS, 10.5, 1.0, 1)
    assert one.may(HOST, WORDS, 11.5, 1.0, 1)


def test_other_words_another_host_or_another_day_are_first_words():
    one = Returning()
    one.may(HOST, WORDS, 10.0, 1.0, 1)
    assert not one.may(HOST, WORDS + b" ", 10.5, 1.0, 1)
    assert not one.may("203.0.113.10", WORDS, 10.5, 1.0, 1)
    assert not one.may(HOST, WORDS, 10.1 + LATEST_S, 1.0, 1)
    assert one.may(HOST, WORDS, 10.6 + LATEST_S, 1.0, 1)


def test_what_is_left_for_them_is_bounded():
    one = Returning()
    many = [b"%d" % number for number in range(50)]
    assert not any(one.may(HOST, words, 10.0, 1.0, 1) for words in many)
    assert sum(one.may(HOST, words, 10.5, 1.0, 1) for words in many) == 3


def test_a_flood_pushes_out_the_oldest():
    one = Returning()
    one.may(HOST, WORDS, 10.0, 1.0, 1)
    for number in range(MAX_REFUSED):
        one.may(HOST, b"%d" % number, 10.1, 1.0, 1)
    assert len(one._refused) == MAX_REFUSED
    assert not one.may(HOST, WORDS, 10.5, 1.0, 1)


def test_a_large_one_counts_as_several():
    one = Returning()
    one.may(HOST, WORDS, 10.0, 1.0, 2)
    one.may(HOST, b"other", 10.0, 1.0, 2)
    assert one.may(HOST, WORDS, 10.5, 1.0, 2)
    assert not one.may(HOST, b"other", 10.5, 1.0, 2)
