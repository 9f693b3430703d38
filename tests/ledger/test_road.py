"""A road is as long one way as the other."""

from hypothesis import given
from hypothesis import strategies as st

from sfu.ledger import Roads
from tests.ledger.people import JURA, SITES

sites = st.sampled_from(SITES)


@given(sites, sites)
def test_the_way_back_is_as_long(one, other):
    assert JURA.km(one, other) == JURA.km(other, one)


@given(sites)
def test_nobody_travels_to_where_he_is(site):
    assert JURA.km(site, site) == 0


def test_a_road_nobody_told_is_unknown_not_nought():
    assert JURA.km("lajoux", "oyonnax") is None
    assert Roads([]).km("lajoux", "morez") is None
