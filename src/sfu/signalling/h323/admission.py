"""Which calls our gatekeeper lets its endpoints make and take, at which rate, and where they go.

::

    to a room, the attendant, somebody by another protocol   by us: gatekeeperRouted
    to an endpoint of this zone, or an address                direct
    to nobody                                                 ARJ calledPartyNotRegistered

Rates are what both directions may have together, without headers.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from sfu.model import Address
from sfu.signalling.h323 import ras
from sfu.signalling.h323.alias import Alias, address_of, dialled
from sfu.signalling.h323.zone import Registration, Zone

LEAST_BPS = 128_000
"""Speech both ways: a call without is none."""
UNKNOWN_BPS = 768_000
"""For who does not say what it wants."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a call goes."""

    signalling: Address
    ours: bool


class Admissions:
    """Decides on ARQ and BRQ."""

    def __init__(
        self,
        zone: Zone,
        takes: Callable[[str], bool],
        budget_bps: Callable[[str, str], int | None],
    ) -> None:
        """Ask the house: what we take calls to, what a line has."""
        self._zone = zone
        self._takes = takes
        self._budget_bps = budget_bps

    def find(self, aliases: Iterable[Alias], us: Address) -> Destination | None:
        """Say where a call to any of these names goes."""
        for alias in aliases:
            if self._takes(alias.text):
                return Destination(us, ours=True)
            found = self._zone.find(alias.text)
            if found is not None:
                return Destination(found.signalling, ours=False)
        return None

    def admit(self, asked: ras.AdmissionRequest, one: Registration, us: Address) -> ras.Ras:
        """Answer an ARQ."""
        where = self._answered(asked, one, us) if asked.answering else self._called(asked, us)
        if where is None:
            return ras.Reject("admissionReject", asked.number, "calledPartyNotRegistered")
        rate = asked.rate_bps or UNKNOWN_BPS
        budget = self._budget(one)
        granted = rate if budget is None else min(rate, budget)
        if granted < min(rate, LEAST_BPS):
            return ras.Reject("admissionReject", asked.number, "requestDenied")
        one.admit(asked.call or asked.conference, granted)
        return ras.AdmissionConfirm(asked.number, granted, where.signalling, where.ours)

    def _called(self, asked: ras.AdmissionRequest, us: Address) -> Destination | None:
        address = asked.destination_address
        dialled_at = next(filter(None, map(address_of, asked.destination)), None)
        elsewhere = dialled_at is not None and dialled_at.host != us.host
        if elsewhere or (dialled_at and all("@" not in one.text for one in asked.destination)):
            address = dialled_at
        elif asked.destination:
            short = (replace(one, text=dialled(one.text)) for one in asked.destination)
            return self.find((*asked.destination, *short), us)
        if address is None or address.host == us.host:
            return Destination(us, ours=True)  # to no number: the attendant
        return Destination(address, ours=False)

    def _answered(self, asked: ras.AdmissionRequest, one: Registration, us: Address) -> Destination:
        """Say by whom a call reached it: by us, unless another endpoint was sent to it directly."""
        call = asked.call or asked.conference
        direct = any(other is not one and call in other.calls for other in self._zone)
        return Destination(one.signalling, ours=False) if direct else Destination(us, ours=True)

    def change(self, asked: ras.BandwidthRequest, one: Registration) -> ras.Ras:
        """Answer a BRQ: what its site's line has, or the rate it may have instead."""
        call = asked.call or asked.conference
        if call not in one.calls:
            return ras.Reject("bandwidthReject", asked.number, "invalidConferenceID")
        budget = self._budget(one)
        if budget is not None and asked.rate_bps > budget:
            return ras.Reject("bandwidthReject", asked.number, "insufficientResources", budget)
        one.admit(call, asked.rate_bps)
        return ras.BandwidthConfirm(asked.number, asked.rate_bps)

    def _budget(self, one: Registration) -> int | None:
        return self._budget_bps(one.ras.host, one.account)
