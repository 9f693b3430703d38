"""Whose pictures go first, between which rates: an operator, the unit, its account, its room."""

import pytest

from sfu.config import Account, Endpoint, Room, Settings
from sfu.shell.picture_terms import NO_TERMS, Identity, KnownTerms, Terms, identity_of, terms_of

SETTINGS = Settings(
    account=(
        Account(user="lajoux", password="x", priority=2, picture_max_bps=500_000),
        Account(user="morez", password="x", priority=3),
        Account(user="car", password="x"),
    ),
    endpoint=(
        Endpoint(number="1", uri="sip:lajoux@192.0.2.21", priority=9),
        Endpoint(number="2", uri="sip:21@198.51.100.7", priority=7),
        Endpoint(number="3", uri="sip:22@198.51.100.7:5062;transport=tcp", priority=6),
        Endpoint(number="4", uri="h323:[2001:db8::9]", picture_floor_bps=200_000),
        Endpoint(number="5", uri="sip:Salle.example", priority=4),
    ),
)


@pytest.mark.parametrize(
    ("who", "terms"),
    [
        (Identity("morez", "", "203.0.113.1"), Terms(3)),
        (Identity("lajoux", "", "203.0.113.1"), Terms(9, None, 500_000)),  # its unit, then it
        (Identity(None, "lajoux", "192.0.2.21"), Terms(9)),
        (Identity(None, "whoever", "192.0.2.21"), Terms(9)),  # alone at its address
        (Identity(None, "lajoux", "203.0.113.1"), NO_TERMS),  # so it calls itself, elsewhere
        (Identity(None, "21", "198.51.100.7"), Terms(7)),
        (Identity(None, "22", "198.51.100.7"), Terms(6)),
        (Identity(None, "23", "198.51.100.7"), NO_TERMS),  # another behind the same PBX
        (Identity(None, "", "2001:db8::9"), Terms(None, 200_000)),
        (Identity(None, "", "salle.example"), Terms(4)),
        (Identity("car", "", "198.51.100.7"), NO_TERMS),
        (Identity(), NO_TERMS),
    ],
)
def test_a_unit_is_known_by_its_account_or_its_address(who, terms):
    assert KnownTerms(SETTINGS).of(who) == terms


def test_where_nothing_is_said_nobody_is_looked_for():
    assert KnownTerms().of(Identity("lajoux", "21", "192.0.2.21")) == NO_TERMS


@pytest.mark.parametrize(
    ("address", "user"),
    [
        ("lajoux@192.0.2.21", "lajoux"),
        ("sip:lajoux@192.0.2.21:5060;transport=tcp", "lajoux"),
        ("sips:lajoux@salle.example", "lajoux"),
        ("h323:4201@[2001:db8::9]", "4201"),
        ("h323:192.0.2.21", ""),
        ("", ""),
    ],
)
def test_the_user_of_an_address_is_read_however_it_is_written(address, user):
    assert identity_of(address, "192.0.2.21", None) == Identity(None, user, "192.0.2.21")


def test_what_is_not_said_is_as_the_next_one_says():
    own, room = Terms(priority=0), terms_of(Room(number="1", priority=8, picture_max_bps=400_000))
    assert own.over(room) == Terms(0, 0, 400_000)
    assert NO_TERMS.over(room) == room
    assert Terms(most_bps=0).over(room).most_bps == 0
    assert terms_of(None) == NO_TERMS
