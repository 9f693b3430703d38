"""The registrar: which account is reached where (RFC 3261 section 10).

Bindings are kept per account; several contacts each.  What changes is told as facts.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from sfu.errors import PeerError
from sfu.signalling.sip.address import NameAddr, parse_name_addr
from sfu.signalling.sip.flow import Carrier, Flow, literal, same_host
from sfu.signalling.sip.message import Header, Request
from sfu.signalling.sip.text import number
from sfu.signalling.sip.timers import Alarms
from sfu.signalling.sip.uri import Uri

DEFAULT_EXPIRES_S = 3600
MIN_EXPIRES_S = 60
MAX_EXPIRES_S = 7200
MAX_CONTACTS = 8
MAX_ACCOUNTS = 4096


@dataclass(frozen=True, slots=True)
class Registered:
    """An account can be called; told at first and when its contact, flow or name changes."""

    account: str
    contact: str
    flow: Flow
    model: str
    display_name: str
    expires_at: float


@dataclass(frozen=True, slots=True)
class Unregistered:
    """A contact of an account is gone: taken back or expired."""

    account: str
    contact: str


RegistrarFact = Registered | Unregistered


@dataclass(frozen=True, slots=True)
class Binding:
    """One contact of an account."""

    address: NameAddr
    flow: Flow
    expires_at: float
    call_id: str
    cseq: int
    model: str
    display_name: str

    @property
    def uri(self) -> Uri:
        """Where the account is reached."""
        return self.address.uri

    @property
    def behind_nat(self) -> bool:
        """Whether its Contact names another place than it registers from."""
        uri, remote = self.uri, self.flow.remote
        if not same_host(uri.host, remote.host):
            return literal(uri.host)
        return not self.flow.carrier.reliable and (uri.port or Carrier.UDP.port) != remote.port


@dataclass(slots=True)
class Registrar:
    """All bindings."""

    _bindings: dict[str, dict[str, Binding]] = field(default_factory=dict)
    _alarms: Alarms[tuple[str, str]] = field(default_factory=Alarms)
    _outputs: deque[RegistrarFact] = field(default_factory=deque)

    @property
    def deadline(self) -> float | None:
        """When to tick."""
        return self._alarms.deadline

    def bindings(self, account: str) -> list[Binding]:
        """Return where an account is reached, the latest first."""
        found = self._bindings.get(account, {}).values()
        return sorted(found, key=lambda binding: -binding.expires_at)

    def flows_behind_nat(self) -> Iterator[Flow]:
        """Yield the flows that alone reach somebody."""
        for bindings in self._bindings.values():
            yield from (binding.flow for binding in bindings.values() if binding.behind_nat)

    def register(self, account: str, request: Request, flow: Flow, now: float) -> list[Header]:
        """Carry out an allowed REGISTER; return the Contacts and more of its 200.

        All its contacts are checked before the first is changed (10.3 step 7).
        """
        contacts = request.values("Contact")
        if contacts == ["*"]:
            self._remove_all(account, request)
        elif "*" in contacts:
            raise PeerError("star beside other contacts")
        elif contacts:
            self._change(account, self._wanted(contacts, request), request, flow, now)
        return self._listing(account, now)

    def tick(self, now: float) -> None:
        """Drop what has expired."""
        for account, contact in self._alarms.due(now):
            self._remove(account, contact)

    def poll(self) -> Iterator[RegistrarFact]:
        """Yield what changed."""
        while self._outputs:
            yield self._outputs.popleft()

    def _wanted(self, contacts: list[str], request: Request) -> list[tuple[NameAddr, int]]:
        common = request.get("Expires")
        wanted = []
        for value in contacts:
            address = parse_name_addr(value)
            if not address.uri.is_sip:
                raise PeerError("Contact is no SIP URI")
            text = address.param("expires") or common or str(DEFAULT_EXPIRES_S)
            expires = number(text, "Expires")
            if 0 < expires < MIN_EXPIRES_S:
                raise PeerError("expires too soon", status=423)
            wanted.append((address, min(expires, MAX_EXPIRES_S)))
        return wanted

    def _change(
        self,
        account: str,
        wanted: list[tuple[NameAddr, int]],
        request: Request,
        flow: Flow,
        now: float,
    ) -> None:
        have = self._bindings.get(account, {})
        new = {str(a.uri) for a, expires in wanted if expires} - have.keys()
        if len(have) + len(new) > MAX_CONTACTS or (
            account not in self._bindings and len(self._bindings) >= MAX_ACCOUNTS
        ):
            raise PeerError("too many contacts", status=403)
        for address, _ in wanted:
            self._check_order(have.get(str(address.uri)), request)
        for address, expires in wanted:
            if expires:
                self._bind(account, address, expires, request, flow, now)
            else:
                self._remove(account, str(address.uri))

    @staticmethod
    def _check_order(old: Binding | None, request: Request) -> None:
        if old and old.call_id == request.call_id and request.cseq.number < old.cseq:
            raise PeerError("REGISTER out of order", status=500)

    def _bind(
        self,
        account: str,
        address: NameAddr,
        expires: int,
        request: Request,
        flow: Flow,
        now: float,
    ) -> None:
        key = str(address.uri)
        old = self._bindings.get(account, {}).get(key)
        model, name = request.get("User-Agent") or "", request.to.name
        binding = Binding(
            address, flow, now + expires, request.call_id, request.cseq.number, model, name
        )
        self._bindings.setdefault(account, {})[key] = binding
        self._alarms.set((account, key), binding.expires_at)
        if old is None or (old.flow, old.model, old.display_name) != (flow, model, name):
            fact = Registered(account, key, flow, model, name, binding.expires_at)
            self._outputs.append(fact)

    def _remove_all(self, account: str, request: Request) -> None:
        if number(request.get("Expires") or "1", "Expires") != 0:
            raise PeerError("star needs Expires: 0")
        for binding in list(self._bindings.get(account, {}).values()):
            self._check_order(binding, request)
        for contact in list(self._bindings.get(account, {})):
            self._remove(account, contact)

    def _remove(self, account: str, contact: str) -> None:
        bindings = self._bindings.get(account, {})
        if bindings.pop(contact, None) is not None:
            self._alarms.set((account, contact), None)
            self._outputs.append(Unregistered(account, contact))
        if not bindings:
            self._bindings.pop(account, None)

    def _listing(self, account: str, now: float) -> list[Header]:
        listing = []
        for binding in self.bindings(account):
            left = max(0, round(binding.expires_at - now))
            params = tuple(item for item in binding.address.params if item[0] != "expires")
            address = NameAddr("", binding.uri, (*params, ("expires", str(left))))
            listing.append(("Contact", str(address)))
        return listing
