"""Who stands behind which line: accounts first, then the longest prefix, then nobody's."""

from ipaddress import ip_network
from itertools import count

import pytest

from sfu.config import Line
from sfu.model import LineId
from sfu.shell.lines import Lines


def line(site: str, *networks: str, **more) -> Line:
    nets = tuple(map(ip_network, networks))
    return Line(site=site, up_bps=1_000_000, down_bps=2_000_000, networks=nets, **more)


def lines(*given: Line) -> Lines:
    numbers = count(1)
    return Lines(given, [one.site for one in given], lambda: LineId(next(numbers)))


def site_of(found) -> str | None:
    return found.site if found is not None else None


@pytest.mark.parametrize(
    ("host", "site"),
    [
        ("192.0.2.1", "valley"),
        ("192.0.2.17", "town"),
        ("192.0.2.18", "hall"),
        ("::ffff:192.0.2.18", "hall"),
        ("2001:db8::9", "six"),
        ("fe80::1%eth0", None),
        ("198.51.100.1", None),
        ("not an address", None),
        ("", None),
    ],
)
def test_the_longest_prefix_wins(host, site):
    known = lines(
        line("valley", "192.0.2.0/24"),
        line("town", "192.0.2.16/28"),
        line("hall", "192.0.2.18/32"),
        line("six", "2001:db8::/32"),
    )
    assert site_of(known.behind(host)) == site


def test_an_account_goes_before_the_address_it_comes_from():
    known = lines(line("town", "192.0.2.0/24"), line("hall", accounts=("morez",)))
    assert site_of(known.behind("192.0.2.1", "morez")) == "hall"
    assert site_of(known.behind("192.0.2.1", "other")) == "town"


def test_of_several_addresses_of_a_codec_the_surest_that_is_known_tells():
    known = lines(line("town", "192.0.2.0/24"), line("hall", "198.51.100.0/24"))
    assert site_of(known.of_codec(("198.51.100.7", "192.0.2.1"))) == "hall"
    assert site_of(known.of_codec(("10.0.0.7", "192.0.2.1"))) == "town"
    assert known.of_codec(("10.0.0.7",)) is None


def test_rates_are_turned_as_we_see_them():
    known = lines(line("town"), line("here", server=True))
    town, here = known
    assert (town.send_bps, town.receive_bps) == (2_000_000, 1_000_000)
    assert (here.send_bps, here.receive_bps) == (1_000_000, 2_000_000)


def test_the_servers_own_line_is_for_whoever_is_not_beside_it():
    known = lines(line("here", "10.0.0.0/8", server=True), line("town", "192.0.2.0/24"))
    assert site_of(known.of_codec(("203.0.113.9",))) == "here"
    assert site_of(known.of_codec(("192.0.2.9",))) == "town"
    assert known.of_codec(("10.0.0.9",)) is None
    assert known.of_browser("10.0.0.9") is None
    assert known.spends_from_server("192.0.2.9")
    assert known.spends_from_server("203.0.113.9")
    assert not known.spends_from_server("10.0.0.9")
    assert not lines().spends_from_server("203.0.113.9")


def test_a_browsers_own_line_has_an_id_of_its_own_and_no_rate():
    known = lines(line("town"))
    first, second = known.own(), known.own()
    assert len({first.line, second.line, *(one.line for one in known)}) == 3
    assert (first.send_bps, first.known) == (None, False)
