"""What one meeting saved: where it would have been held, and who would have driven there."""

from collections.abc import Sequence
from dataclasses import dataclass

from sfu.ledger.meeting import Attendance, Meeting, attend
from sfu.ledger.road import Roads
from sfu.model import Venue


@dataclass(frozen=True, slots=True)
class Rule:
    """How it is reckoned; docs/ledger.md says it in words."""

    venue: Venue = Venue.NEAREST
    seat: str = ""
    people_per_car: int = 1
    round_trip: bool = True
    co2_kg_per_km: float = 0.244
    least_minutes: float = 10.0

    def cars(self, people: int) -> int:
        """Return how many cars so many people fill, the last one perhaps in part."""
        return -(-people // self.people_per_car)


@dataclass(frozen=True, slots=True)
class Journey:
    """What the people of one site would have driven: all cars, both ways where the rule says so."""

    site: str
    km: float
    known: bool = True
    """False: nobody said how long the road is."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One meeting in the ledger."""

    meeting: Meeting
    attendances: tuple[Attendance, ...]
    venue: str
    journeys: tuple[Journey, ...]
    """One for each site but the venue."""
    co2_kg: float

    @property
    def km(self) -> float:
        """Kilometres nobody drove."""
        return sum(one.km for one in self.journeys)

    @property
    def people(self) -> int:
        """Everybody, those at no site among them."""
        return sum(one.people for one in self.attendances)

    @property
    def minutes(self) -> float:
        """From the first join to the last leave."""
        return (self.meeting.ended_at - self.meeting.started_at) / 60


def enter(meeting: Meeting, rule: Rule, roads: Roads) -> Entry | None:
    """Reckon a meeting; None where fewer than two sites took part."""
    attendances = attend(meeting.stays, rule.least_minutes)
    sites = [one for one in attendances if one.site]
    if len(sites) < 2:
        return None
    venue = _venue(sites, meeting.home, rule, roads)
    journeys = _journeys(sites, venue, rule, roads)
    co2_kg = sum(one.km for one in journeys) * rule.co2_kg_per_km
    return Entry(meeting, attendances, venue, journeys, co2_kg)


def _venue(sites: Sequence[Attendance], home: str, rule: Rule, roads: Roads) -> str:
    match rule.venue:
        case Venue.ROOM if home:
            return home
        case Venue.ROOM | Venue.SEAT if rule.seat:
            return rule.seat
        case Venue.LARGEST:
            most = max(one.people for one in sites)
            candidates = [one.site for one in sites if one.people == most]
        case _:
            candidates = [one.site for one in sites]
    return min(candidates, key=lambda site: (*_effort(sites, site, rule, roads), site))


def _effort(sites: Sequence[Attendance], venue: str, rule: Rule, roads: Roads) -> tuple[int, float]:
    """Say how far it is for all; a place whose roads nobody knows is farther than any other."""
    journeys = _journeys(sites, venue, rule, roads)
    return sum(not one.known for one in journeys), sum(one.km for one in journeys)


def _journeys(
    sites: Sequence[Attendance], venue: str, rule: Rule, roads: Roads
) -> tuple[Journey, ...]:
    ways = 2 if rule.round_trip else 1
    found = []
    for one in sites:
        if one.site == venue:
            continue  # nobody travels to where he is
        km = roads.km(one.site, venue)
        found.append(Journey(one.site, rule.cars(one.people) * (km or 0.0) * ways, km is not None))
    return tuple(found)
