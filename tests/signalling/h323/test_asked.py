"""Whom a Setup asks for, and who asks."""

import pytest

from sfu.model import Address, CallId
from sfu.signalling.h323 import h225, q931
from sfu.signalling.h323.alias import Alias
from sfu.signalling.h323.asked import read_offer

FROM = Address("192.0.2.9", 40_000)


def asked(*destination: Alias, prefixes: tuple[str, ...] = (), **setup):
    message = q931.Message(q931.Type.SETUP, 1, False, (q931.display("Salle des fêtes"),))
    body = h225.Setup(bytes(16), bytes(16), destination=destination, **setup)
    return read_offer(CallId(1), message, body, FROM, prefixes)


@pytest.mark.parametrize(
    ("aliases", "target"),
    [
        ((Alias("h323-ID", "conseil"), Alias("dialledDigits", "4201")), "4201"),
        ((Alias("h323-ID", "4201##1234"),), "4201##1234"),
        ((Alias("url-ID", "h323:4201@192.0.2.1"),), "4201"),
        ((Alias("email-ID", "conseil@parc.example"),), "conseil"),
        ((), ""),
    ],
)
def test_a_number_goes_before_a_name_and_its_host_is_left_out(aliases, target):
    assert asked(*aliases).target == target


def test_a_prefix_that_a_gatekeeper_routes_by_may_be_left_out():
    offer = asked(Alias("dialledDigits", "884201"), prefixes=("88", "77"))
    assert (offer.target, offer.also) == ("884201", ("4201",))


def test_the_caller_is_named_by_number_name_or_what_is_shown():
    both = (Alias("h323-ID", "Mairie"), Alias("dialledDigits", "7001"))
    named = asked(source=both)
    assert (named.caller, named.display_name) == ("7001@192.0.2.9", "Mairie")
    bare = asked()
    assert (bare.caller, bare.display_name) == ("unknown@192.0.2.9", "Salle des fêtes")
