"""Buildings, their lines, the roads between them, and what a meeting saved of those."""

from typing import Annotated

from annotated_types import Ge, Gt, Le, MaxLen, MinLen
from pydantic import StringConstraints

from sfu.config.address import IpNetwork
from sfu.config.section import Name, section
from sfu.model import Framing, Venue


@section
class Site:
    """A building, behind one line or several."""

    name: Name
    title: str = ""
    """As people write it."""
    organisation: str = ""
    """Whose it is, as people write it; empty: nobody's."""
    networks: tuple[IpNetwork, ...] = ()
    """Who is there, by address, where no line of it is described; for the ledger only."""


@section
class Distance:
    """A road between two sites, as long one way as the other."""

    between: Annotated[tuple[Name, ...], MinLen(2), MaxLen(2)]
    km: Annotated[float, Gt(0), Le(20_000)]


@section
class Line:
    """An access line; everybody behind it shares it."""

    site: Name
    up_bps: Annotated[int, Ge(64_000), Le(100_000_000_000)]
    down_bps: Annotated[int, Ge(64_000), Le(100_000_000_000)]
    framing: Framing = Framing.ATM
    overhead_bytes: Annotated[int, Ge(0), Le(200)] | None = None
    """Bytes added to each IP packet before cells; left out: the most that is usual."""
    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{0,32}$")] = ""
    """What log lines, metrics and the API call it; empty: as its site, numbered where several."""
    networks: tuple[IpNetwork, ...] = ()
    """Who stands behind it, by the address media or calls come from; the longest prefix wins."""
    accounts: tuple[Name, ...] = ()
    """The same by account; goes before addresses."""
    server: bool = False
    """The server's own line: everybody spends from it who is not in its networks."""

    @property
    def overhead(self) -> int:
        """Bytes added to each IP packet."""
        if self.overhead_bytes is None:
            return self.framing.usual_overhead_bytes
        return self.overhead_bytes


@section
class Ledger:
    """How the kilometres are reckoned that a meeting saved; docs/ledger.md has the rule."""

    venue: Venue = Venue.NEAREST
    """Where people would have met."""
    seat: str = ""
    """A site, for `venue` "seat" and "room"."""
    people_per_unit: Annotated[int, Ge(1), Le(100)] = 1
    """People before a room codec."""
    people_per_car: Annotated[int, Ge(1), Le(9)] = 1
    round_trip: bool = True
    co2_kg_per_km: Annotated[float, Ge(0), Le(10)] = 0.244
    """Of one car."""
    least_minutes: Annotated[float, Ge(0), Le(600)] = 10.0
    """A site that was there for less did not take part."""
