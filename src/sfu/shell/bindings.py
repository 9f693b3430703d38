"""Registrations that outlive the process: bindings of the SIP core as rows of the store.

::

    core --Keep, Drop--> carry_out --> store's queue          next start: kept --> SipShell.remember

The core reckons by the monotonic clock, which begins anew with the machine; rows tell when a
binding ends in seconds since 1970.
"""

import time
from collections.abc import Callable
from typing import Any

import structlog
from sqlalchemy import RowMapping, delete, insert, select

from sfu.errors import PeerError
from sfu.model import Address
from sfu.shell.store import Store
from sfu.shell.tables import bindings
from sfu.signalling.sip.address import parse_name_addr
from sfu.signalling.sip.binding import Binding, BindingOrder, Keep
from sfu.signalling.sip.flow import Carrier, Flow
from sfu.signalling.sip.text import plain

GONE = -1
"""Id of a flow that ended with the process it belonged to."""

log = structlog.get_logger()


def _since_monotonic() -> float:
    return time.time() - time.monotonic()


class Bindings:
    """Keeps bindings; writes wait for nobody."""

    def __init__(self, store: Store, offset: Callable[[], float] = _since_monotonic) -> None:
        """Keep in this store; `offset` is what the calendar is ahead of the core's clock."""
        self._store = store
        self._offset = offset

    def carry_out(self, order: BindingOrder) -> None:
        """Do what the core asks; a binding takes the place of the one with its key."""
        if isinstance(order, Keep):
            one = order.binding
            self._drop(one.account, one.key)
            self._store.put(insert(bindings), _row(one, one.expires_at + self._offset()))
        else:
            self._drop(order.account, order.key)

    async def kept(self) -> list[Binding]:
        """Give what was kept, ending by the core's clock; a row nobody can read is forgotten."""
        found = []
        for row in await self._store.read(select(bindings)):
            try:
                found.append(_binding(row, row["expires_at"] - self._offset()))
            except (PeerError, ValueError) as error:
                log.warning("binding_forgotten", account=row["account"], why=str(error))
                self._drop(row["account"], row["key"])
        return found

    def _drop(self, account: str, key: str) -> None:
        mine = (bindings.c.account == plain(account)) & (bindings.c.key == plain(key))
        self._store.put(delete(bindings).where(mine), {})


def _row(one: Binding, expires_at: float) -> dict[str, Any]:
    flow = one.flow
    return {
        "account": plain(one.account),
        "key": plain(one.key),
        "contact": plain(str(one.address)),
        "carrier": flow.carrier.value,
        "local_host": flow.local.host,
        "local_port": flow.local.port,
        "remote_host": flow.remote.host,
        "remote_port": flow.remote.port,
        "expires_at": expires_at,
        "call_id": plain(one.call_id),
        "cseq": one.cseq,
        "model": plain(one.model),
        "display_name": plain(one.display_name),
        "home": plain(one.home),
        "temporary": " ".join(one.temporary),
        "path": plain("\n".join(map(str, one.path))),
    }


def _binding(row: RowMapping, expires_at: float) -> Binding:
    local = Address(row["local_host"], row["local_port"])
    remote = Address(row["remote_host"], row["remote_port"])
    return Binding(
        account=row["account"],
        key=row["key"],
        address=parse_name_addr(row["contact"]),
        flow=Flow(GONE, Carrier(row["carrier"]), local, remote),
        expires_at=expires_at,
        call_id=row["call_id"],
        cseq=row["cseq"],
        model=row["model"],
        display_name=row["display_name"],
        home=row["home"],
        temporary=tuple(row["temporary"].split()),
        flow_open=False,
        path=tuple(map(parse_name_addr, row["path"].splitlines())),
    )
