"""What one address may ask, told as stories, then the laws: bounded, fair, never of a call."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.signalling.sip.blame import TOLD_EVERY_S, Abuse, Reason
from sfu.signalling.sip.flow import site_of
from sfu.signalling.sip.glimpse import Glimpse
from sfu.signalling.sip.limit import (
    BURST_S,
    LISTED,
    MAX_ADDRESSES,
    Admission,
    Limits,
    Rates,
)
from sfu.signalling.sip.share import Share

SCANNER, ROOM, OURS = "203.0.113.9", "192.0.2.21", "198.51.100.7"
REGISTER = b"REGISTER sip:x SIP/2.0\r\nCall-ID: r\r\n\r\n"
INVITE = b"INVITE sip:4201@x SIP/2.0\r\nCall-ID: new\r\n\r\n"
BYE = b"BYE sip:4201@x SIP/2.0\r\nCall-ID: up\r\n\r\n"
ANSWER = b"SIP/2.0 200 OK\r\nCall-ID: up\r\n\r\n"
TAKE, REFUSE, DROP = Admission


def limits(**rates) -> Limits:
    """Messages of the Call-ID "up" belong to a call."""
    return Limits(
        Rates(listed=(ip_network("198.51.100.0/24"),), **rates), lambda seen: seen.call_id == "up"
    )


def many(one: Limits, host: str, data: bytes, count: int, now: float = 100.0) -> list[Admission]:
    return [one.admit(host, data, now) for _ in range(count)]


def password(user: str) -> bytes:
    return REGISTER[:-2] + b'Authorization: Digest username="%s"\r\n\r\n' % user.encode()


# ---- messages


def test_a_scanner_is_heard_for_a_burst_and_then_at_its_rate():
    one = limits(messages_per_s=10)
    first = many(one, SCANNER, REGISTER, 1000)
    assert first.count(TAKE) == 10 * BURST_S
    assert set(first[int(10 * BURST_S) :]) == {DROP}
    assert many(one, SCANNER, REGISTER, 1000, 101.0).count(TAKE) == 10
    assert one.refused[Reason.MESSAGES] == 1000 - 40 + 990


def test_a_neighbour_is_not_touched():
    one = limits()
    many(one, SCANNER, REGISTER, 200)
    assert one.admit(ROOM, REGISTER, 100.0) is TAKE


def test_a_large_message_counts_as_several():
    one = limits(messages_per_s=10)
    large = REGISTER + bytes(60_000)
    assert many(one, SCANNER, large, 100).count(TAKE) == 10 * BURST_S // 15


def test_an_ipv6_network_is_one_address():
    one = limits(messages_per_s=10)
    taken = [one.admit(f"2001:db8::{n:x}", REGISTER, 100.0) for n in range(100)]
    assert taken.count(TAKE) == 40
    assert one.admit("2001:db8:0:1::1", REGISTER, 100.0) is TAKE


def test_a_listed_network_may_ask_many_times_as_much():
    one = limits(messages_per_s=10)
    assert many(one, OURS, REGISTER, 2000).count(TAKE) == 10 * BURST_S * LISTED


def test_all_strangers_together_leave_room_for_who_is_known():
    one = limits(strangers_per_s=50)
    one.guest("call", ROOM)
    taken = [one.admit(f"203.0.{n}.1", REGISTER, 100.0) for n in range(200)]
    assert taken.count(TAKE) == 150
    assert one.refused[Reason.STRANGERS] == 50
    assert one.admit(ROOM, INVITE, 100.0) is TAKE
    assert one.admit(OURS, INVITE, 100.0) is TAKE


def test_calls_of_all_strangers_together_are_few_for_they_cost_most():
    one = limits()
    answers = [one.admit(f"203.0.{n}.1", INVITE, 100.0) for n in range(100)]
    assert answers == [TAKE] * 30 + [REFUSE] * 70
    assert one.admit("203.0.200.1", REGISTER, 100.0) is TAKE
    assert one.admit(OURS, INVITE, 100.0) is TAKE


def test_a_stranger_who_calls_again_is_heard_beside_a_flood_from_everywhere():
    one = limits()
    honest = "203.0.113.200"

    def flood(at: float) -> None:
        for n in range(1000):
            words = f"INVITE sip:x SIP/2.0\r\nCall-ID: {n} at {at}".encode()
            one.admit(f"203.{n % 50}.{n % 7}.1", words, at)

    flood(100.0)
    assert one.admit(honest, INVITE, 100.0) is DROP
    assert one.admit(honest, INVITE, 100.0) is DROP  # a copy, no second word
    flood(100.5)
    assert one.admit(honest, INVITE, 100.5) is TAKE  # timer A


def test_a_flood_that_says_all_twice_gets_little_by_it():
    one = limits()
    words = [b"INVITE sip:x SIP/2.0\r\nCall-ID: %d" % n for n in range(1000)]
    for at in (100.0, 100.5):
        answers = [one.admit(f"203.{n % 50}.{n % 7}.1", word, at) for n, word in enumerate(words)]
    assert answers.count(TAKE) <= 15


# ---- calls


def test_new_calls_beyond_the_share_are_refused_with_a_word():
    one = limits(calls_per_min=60)
    answers = many(one, SCANNER, INVITE, 30)
    assert answers == [TAKE] * 20 + [REFUSE] * 10
    assert one.admit(SCANNER, REGISTER, 100.0) is TAKE
    assert one.admit(SCANNER, INVITE, 101.0) is TAKE


def test_a_call_that_is_up_goes_on_whatever_else_comes_from_its_address():
    one = limits()
    one.guest(7, ROOM)
    flood = many(one, ROOM, REGISTER, 5000)
    assert flood[-1] is DROP
    assert many(one, ROOM, BYE, 20) == [TAKE] * 20
    assert one.admit(ROOM, INVITE.replace(b"new", b"up"), 100.0) is TAKE


def test_a_call_has_its_own_bound():
    one = limits(messages_per_s=10)
    one.guest(7, ROOM)
    assert many(one, ROOM, BYE, 5000).count(TAKE) == (5 + 1) * 10 * BURST_S


def test_a_call_that_ended_speaks_for_nobody():
    one = limits()
    one.guest(7, ROOM)
    one.gone(7)
    one.gone(7)
    many(one, ROOM, REGISTER, 5000)
    assert one.admit(ROOM, BYE, 100.0) is DROP
    assert not one.has_guests(ROOM)


def test_an_answer_we_wait_for_is_heard_from_whoever_floods():
    one = limits()
    many(one, SCANNER, REGISTER, 5000)
    assert one.admit(SCANNER, ANSWER, 100.0) is TAKE
    assert one.admit(SCANNER, ANSWER.replace(b"up", b"no"), 100.0) is DROP


def test_numbers_that_are_no_rooms_are_tried_a_few_times():
    one = limits(calls_per_min=6000)
    for _ in range(9):
        one.wrong_number(SCANNER, 100.0)
    assert one.admit(SCANNER, INVITE, 100.0) is TAKE
    one.wrong_number(SCANNER, 100.0)
    assert one.admit(SCANNER, INVITE, 100.0) is REFUSE
    assert one.refused[Reason.NUMBERS] == 1
    assert one.admit(SCANNER, INVITE, 107.0) is TAKE


# ---- passwords


def test_an_account_guessed_too_often_is_refused_the_right_password_too():
    one = limits(wrong_passwords_per_min=10)
    for _ in range(10):
        assert one.admit(SCANNER, password("morez"), 100.0) is TAKE
        one.wrong_password(SCANNER, "morez", 100.0)
    assert one.admit(SCANNER, password("morez"), 100.0) is REFUSE
    assert one.admit(SCANNER, password("lajoux"), 100.0) is TAKE, "a neighbour's unit"
    assert one.admit(ROOM, password("morez"), 100.0) is TAKE, "from where it stands"
    assert one.admit(SCANNER, REGISTER, 100.0) is TAKE, "nothing guessed"
    assert one.admit(SCANNER, password("morez"), 106.1) is TAKE


def test_many_accounts_guessed_from_one_address_end_in_the_same():
    one = limits(wrong_passwords_per_min=10, messages_per_s=1000)
    for number in range(60):
        one.wrong_password(SCANNER, f"u{number}", 100.0)
    assert one.admit(SCANNER, password("fresh"), 100.0) is REFUSE
    assert one.refused[Reason.PASSWORDS] == 1


# ---- connections


def test_connections_come_in_a_burst_and_then_at_a_rate():
    one = limits()
    assert [one.connect(SCANNER, 100.0) for _ in range(100)].count(True) == 64
    assert [one.connect(SCANNER, 101.0) for _ in range(100)].count(True) == 10
    assert one.refused[Reason.CONNECTIONS] == 36 + 90


# ---- what is told


def test_a_flood_is_told_of_at_once_and_then_every_ten_seconds():
    one = limits(messages_per_s=10)
    many(one, SCANNER, REGISTER, 1000)
    assert list(one.poll()) == [Abuse(SCANNER, Reason.MESSAGES, 1)]
    many(one, SCANNER, REGISTER, 1000, 100.0 + TOLD_EVERY_S)
    [again] = one.poll()
    assert again.count == 960


def test_nobody_is_blamed_for_what_all_do():
    one = limits(strangers_per_s=10)
    for number in range(50):
        one.admit(f"203.0.113.{number}", REGISTER, 100.0)
    assert list(one.poll()) == [Abuse("", Reason.STRANGERS, 1)]


def test_a_thousand_scanners_do_not_fill_the_log():
    one = limits(messages_per_s=1, strangers_per_s=100_000)
    for number in range(1000):
        many(one, f"203.0.{number >> 8}.{number & 255}", REGISTER, 6)
    assert len(list(one.poll())) == 20
    assert one.refused[Reason.MESSAGES] == 2000


# ---- laws


def test_who_comes_from_everywhere_costs_bounded_memory():
    one = limits()
    for number in range(3 * MAX_ADDRESSES):
        host = f"{10 + (number >> 16)}.{number >> 8 & 255}.{number & 255}.1"
        one.admit(host, REGISTER, 100.0)
        one.wrong_password(host, "morez", 100.0)
    assert len(one._entries) == len(one._accounts) == MAX_ADDRESSES


def test_who_is_known_is_known_still_when_its_shares_were_forgotten():
    one = limits(strangers_per_s=10)
    one.guest(7, ROOM)
    for number in range(2 * MAX_ADDRESSES):
        one.admit(f"10.{number >> 8}.{number & 255}.1", REGISTER, 100.0)
    assert one.admit(ROOM, BYE, 100.0) is TAKE
    one.gone(7)
    assert one.admit(ROOM, BYE, 100.0) is DROP


@given(st.lists(st.floats(0, 3), max_size=200), st.floats(1, 50), st.integers(1, 50))
def test_a_share_gives_never_more_than_burst_and_rate(pauses, per_s, burst):
    share, now, taken, began = Share(), 50.0, 0, 50.0
    for pause in pauses:
        now += pause
        taken += share.take(now, per_s, burst)
        assert taken <= burst + (now - began) * per_s + 1e-3


@given(st.integers(1, 40))
def test_what_a_share_has_it_gives(spent):
    share = Share()
    for _ in range(spent):
        share.take(9.0, 2.0, 20)
    has = share.has(9.0, 2.0, 20)
    assert has == (spent < 20)
    assert share.take(9.0, 2.0, 20) == has


@pytest.mark.parametrize(
    ("host", "site"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:0:5:1::9", "2001:db8:0:5::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("no address", "no address"),
    ],
)
def test_where_an_address_belongs(host, site):
    assert site_of(host) == site


def test_a_glimpse_is_all_that_is_asked_for():
    seen: list[Glimpse] = []

    def belongs(look: Glimpse) -> bool:
        seen.append(look)
        return False

    one = Limits(Rates(messages_per_s=1), belongs)
    many(one, SCANNER, REGISTER, 100)
    assert seen == [], "a stranger's flood is not even glimpsed at"


def test_who_keeps_us_registered_may_ask_as_much_as_a_listed_network():
    one = limits(calls_per_min=60)
    assert many(one, SCANNER, INVITE, 50).count(TAKE) == 20
    one.partner("pbx", SCANNER)
    assert many(one, SCANNER, INVITE, 300, 200.0).count(TAKE) == 300
    assert one.has_guests(SCANNER)
    one.gone("pbx")
    assert not one.has_guests(SCANNER)


def test_a_datagram_costs_by_its_octets_and_a_flood_is_left_to_the_kernel():
    one = limits(messages_per_s=30.0)
    heard = [one.datagram(SCANNER, bytes(2048), 100.0) for _ in range(10)]
    assert heard.count(None) == 7  # 17 each, of 120
    for _ in range(2000):
        one.datagram(SCANNER, bytes(2048), 100.0)
    assert SCANNER in one.shield.blocked


def test_other_rates_count_at_once_and_what_was_spent_stays_spent():
    one = limits(messages_per_s=10)
    many(one, SCANNER, REGISTER, 1000)
    assert one.admit(SCANNER, REGISTER, 100.0) is DROP
    assert not one.listed(SCANNER)
    one.configure(Rates(messages_per_s=10, listed=(ip_network("203.0.113.0/24"),)))
    assert one.listed(SCANNER)
    assert many(one, SCANNER, REGISTER, 200, 101.0) == [TAKE] * 200
    assert many(one, OURS, REGISTER, 1000)[-1] is DROP
