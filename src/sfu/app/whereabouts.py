"""Where endpoints are reached that registered, by SIP or H.323: what calls out go by.

::

    SIP core --Registered, Unregistered--> Whereabouts <-- zone.record -- our gatekeeper
                                               |
                       a number or a name --> an address to call
"""

import math
import time
from collections.abc import Callable

import structlog

from sfu.model import Address, Protocol
from sfu.room.registration import Contact, Registrations
from sfu.signalling.sip.registrar import Registered, RegistrarFact, Unregistered
from sfu.signalling.sip.uri import escape

log = structlog.get_logger()


class Whereabouts:
    """Who registered, and how each is called."""

    def __init__(self, realm: Callable[[], str]) -> None:
        """Know nobody; `realm` is that of SIP's accounts now."""
        self.registrations = Registrations()
        self.prefix: Callable[[str], Address | None] = lambda number: None
        """Says which gateway of our gatekeeper, where we have one, takes a number."""
        self._realm = realm

    def registered(self, fact: RegistrarFact) -> None:
        """Keep where endpoints of SIP are reached."""
        match fact:
            case Registered():
                # the SIP core tells the end of a binding; a refresh is nothing new
                contact = Contact(
                    fact.contact, fact.flow.remote, Protocol.SIP, math.inf, fact.model, fact.account
                )
                self.registrations.put(fact.account, contact)
            case Unregistered():
                self.registrations.remove(fact.account, fact.contact)
        log.info("registration", account=fact.account, known=isinstance(fact, Registered))

    def contact_of(self, alias: str) -> str | None:
        """Give the newest address an endpoint registered, None where there is none."""
        found = self.registrations.find(alias, time.monotonic())
        return found[0].uri if found else None

    def gateway_to(self, number: str) -> str | None:
        """Give the address by which a registered gateway is asked for a number; None: by none."""
        gateway = self.prefix(number)
        return f"h323:{number}@{gateway}" if gateway is not None else None

    def way_to(self, alias: str) -> tuple[str, str] | None:
        """Give the address by which the SIP core finds a registered endpoint, and its host.

        The core knows all its contacts, and the flows that lead to them through a NAT.
        """
        found = self.registrations.find(alias, time.monotonic())
        if not found:
            return None
        if found[0].protocol is Protocol.H323:
            return found[0].uri, found[0].source.host
        return f"sip:{escape(found[0].account)}@{self._realm()}", found[0].source.host
