"""Wrong PINs by address."""

from sfu.shell.tries import MOST_ADDRESSES, WINDOW_S, PinTries


def test_an_address_has_so_many_tries_in_a_minute():
    tries = PinTries(2)
    tries.wrong("192.0.2.1", 0.0)
    assert tries.left("192.0.2.1", 1.0)
    tries.wrong("192.0.2.1", 1.0)
    assert not tries.left("192.0.2.1", 2.0)
    assert tries.left("192.0.2.2", 2.0)
    assert tries.left("192.0.2.1", WINDOW_S)


def test_a_network_of_ipv6_is_one_who_tries():
    tries = PinTries(1)
    tries.wrong("2001:db8::1", 0.0)
    assert not tries.left("2001:db8::2:3", 1.0)
    assert tries.left("2001:db8:0:1::1", 1.0)


def test_what_is_remembered_has_an_end_both_ways():
    tries = PinTries(3)
    for number in range(MOST_ADDRESSES + 10):
        tries.wrong(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 0.0)
    assert len(tries._tries) == MOST_ADDRESSES
    for _ in range(100):
        tries.wrong("10.0.39.0", 0.0)
    assert max(map(len, tries._tries.values())) == 3


def test_a_name_that_is_no_address_counts_as_itself():
    tries = PinTries(1)
    tries.wrong("testclient", 0.0)
    assert not tries.left("testclient", 1.0)
