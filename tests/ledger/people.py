"""Meetings as the ledger gets them, written shortly."""

from itertools import count

from hypothesis import strategies as st

from sfu.ledger import Meeting, Roads, Rule, Stay
from sfu.model import Venue

HOUR = 3600.0
BEGUN = 1_767_225_600.0
"""2026-01-01 00:00 UTC."""
NUMBERS = count(1)

JURA = Roads(
    [("lajoux", "morez", 26.0), ("lajoux", "saint-claude", 20.0), ("morez", "saint-claude", 24.0)]
)


def stay(site: str, begin: float = 0.0, end: float = HOUR, people: int = 1) -> Stay:
    return Stay(site, people, BEGUN + begin, BEGUN + end)


def meeting(*stays: Stay, organisation: str = "", home: str = "", began: float = 0.0) -> Meeting:
    moved = tuple(
        Stay(one.site, one.people, one.joined_at + began, one.left_at + began) for one in stays
    )
    begun = min((one.joined_at for one in moved), default=BEGUN)
    ended = max((one.left_at for one in moved), default=BEGUN)
    return Meeting(next(NUMBERS), "4201", organisation, home, begun, ended, moved)


SITES = ("lajoux", "morez", "saint-claude", "oyonnax")
"""Nobody said how far Oyonnax is."""

stays = st.builds(
    lambda site, begin, length, people: stay(site, begin, begin + length, people),
    st.sampled_from(("", *SITES)),
    st.floats(0, HOUR),
    st.floats(0, HOUR),
    st.integers(0, 4),
)
meetings = st.builds(
    lambda group, organisation, home, began: meeting(
        *group, organisation=organisation, home=home, began=began
    ),
    st.lists(stays, max_size=8),
    st.sampled_from(("", "Parc", "Morez")),
    st.sampled_from(("", *SITES)),
    st.floats(0, 400 * 24 * HOUR),
)
rules = st.builds(
    Rule,
    venue=st.sampled_from(Venue),
    seat=st.sampled_from(("", *SITES)),
    people_per_car=st.integers(1, 5),
    round_trip=st.booleans(),
    co2_kg_per_km=st.floats(0, 1),
    least_minutes=st.floats(0, 30),
)
