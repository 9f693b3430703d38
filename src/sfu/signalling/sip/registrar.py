"""The registrar: which account is reached where (RFC 3261 section 10, RFC 5626, RFC 5627).

Bindings are kept per account; several contacts each.  What changes is told as facts; what shall
outlive the process is told as orders::

    REGISTER -> weigh -> Change -> 200
                            `-> commit -> Registered, Unregistered -> server
                                      `-> Keep, Drop -> shell ... next start -> restore

A REGISTER is weighed whole, its 200 included, before anything is changed (section 10.3 step 7): who
is answered anything else is bound as before.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from sfu.errors import PeerError
from sfu.signalling.sip import gruu
from sfu.signalling.sip.binding import Binding, BindingOrder, Drop, Keep, instance_of
from sfu.signalling.sip.contacts import Wanted, listed, path_of, wanted, way_to
from sfu.signalling.sip.flow import Flow
from sfu.signalling.sip.message import Header, Request
from sfu.signalling.sip.text import number
from sfu.signalling.sip.timers import Alarms
from sfu.signalling.sip.uri import Uri

MAX_CONTACTS = 8
MAX_ACCOUNTS = 4096
EXTENSIONS = frozenset({"gruu", "outbound", "path"})
"""What a REGISTER may require besides what any request may."""


@dataclass(frozen=True, slots=True)
class Registered:
    """An account can be called; told at first and when its contact, flow or name changes."""

    account: str
    contact: str
    """What tells this contact of the account from its others: the binding's key."""
    flow: Flow
    model: str
    display_name: str
    expires_at: float
    uri: str = ""
    """Its Contact."""


@dataclass(frozen=True, slots=True)
class Unregistered:
    """A contact of an account is gone: taken back, replaced or expired."""

    account: str
    contact: str


RegistrarFact = Registered | Unregistered


@dataclass(frozen=True, slots=True)
class Change:
    """What a REGISTER changes, and what its 200 says; nothing of it is done yet."""

    account: str
    put: tuple[Binding, ...]
    gone: tuple[str, ...]
    """Keys of the bindings it ends."""
    headers: tuple[Header, ...]


@dataclass(slots=True)
class Registrar:
    """All bindings; `token` gives what nobody guesses, `domain` stands in our GRUUs."""

    token: Callable[[], str]
    domain: str = ""
    _bindings: dict[str, dict[str, Binding]] = field(default_factory=dict)
    _by_flow: dict[Flow, set[tuple[str, str]]] = field(default_factory=dict)
    _alarms: Alarms[tuple[str, str]] = field(default_factory=Alarms)
    _outputs: deque[RegistrarFact | BindingOrder] = field(default_factory=deque)

    @property
    def deadline(self) -> float | None:
        """When to tick."""
        return self._alarms.deadline

    def bindings(self, account: str) -> list[Binding]:
        """Return where an account is reached: by q, the latest first among equals."""
        return _in_order(self._of(account).values())

    def behind(self, uri: Uri) -> list[Binding]:
        """Return what a GRUU of ours means, the latest first; nothing where it means nobody."""
        named = [uri.name] if uri.name in self._bindings else list(self._bindings)
        found = [one for name in named for one in self._of(name).values() if gruu.means(uri, one)]
        return sorted(found, key=lambda one: -one.expires_at)

    def flows_behind_nat(self) -> Iterator[Flow]:
        """Yield the flows that alone reach somebody."""
        for bindings in self._bindings.values():
            yield from (binding.flow for binding in bindings.values() if binding.behind_nat)

    def weigh(self, account: str, request: Request, flow: Flow, now: float) -> Change:
        """Say what an allowed REGISTER changes; PeerError where any of it cannot be.

        Its body says nothing to us, whatever it is: units send multiparts of their own.
        """
        contacts = request.values("Contact")
        asked, gone = list[Wanted](), set[str]()
        if contacts == ["*"]:
            gone = self._all(account, request)
        elif "*" in contacts:
            raise PeerError("star beside other contacts")
        elif contacts:
            asked = wanted(request, flow)
            path_of(request)
            gone = self._gone(account, asked, request)
        after = self._of(account).copy()
        put = [
            self._bound(account, one, after, request, flow, now) for one in asked if one.expires_s
        ]
        left = _in_order(one for one in after.values() if one.key not in gone)
        headers = listed(left, now, "gruu" in request.options("Supported"))
        if asked:
            headers += [("Path", value) for value in request.values("Path")]  # RFC 3327 section 5.3
        if any(one.by_flow for one in asked):
            # RFC 5626 section 6: so the unit learns that its flow is what we will use
            headers.append(("Require", "outbound"))
        return Change(account, tuple(put), tuple(sorted(gone)), tuple(headers))

    def commit(self, change: Change) -> None:
        """Carry out what was weighed a moment ago."""
        for binding in change.put:
            old = self._of(binding.account).get(binding.key)
            self._put(binding)
            if old is None or _shown(old) != _shown(binding):
                self._outputs.append(_fact(binding))
            self._outputs.append(Keep(binding))
        for key in change.gone:
            self._remove(change.account, key)

    def restore(self, binding: Binding, now: float) -> bool:
        """Take back what was kept over a restart; False where it has expired meanwhile.

        A unit that was faster and has registered anew is not set back.
        """
        if binding.key in self._of(binding.account):
            return True
        full = len(self._bindings) >= MAX_ACCOUNTS and binding.account not in self._bindings
        if binding.expires_at <= now or full:
            return False
        self._put(binding)
        self._outputs.append(_fact(binding))
        return True

    def flow_closed(self, flow: Flow) -> None:
        """Reach those who registered by this connection at their Contact from now on."""
        for account, key in self._by_flow.pop(flow, set()):
            bindings = self._of(account)
            bindings[key] = replace(bindings[key], flow_open=False)

    def tick(self, now: float) -> None:
        """Drop what has expired."""
        for account, key in self._alarms.due(now):
            self._remove(account, key)

    def poll(self) -> Iterator[RegistrarFact | BindingOrder]:
        """Yield what changed."""
        while self._outputs:
            yield self._outputs.popleft()

    def _of(self, account: str) -> dict[str, Binding]:
        return self._bindings.get(account, {})

    def _gone(self, account: str, asked: list[Wanted], request: Request) -> set[str]:
        """Check all contacts of a REGISTER; return the keys of the bindings it ends."""
        have, keys = self._of(account), {one.key for one in asked}
        gone = {key for one in asked for key in self._replaced(account, one, request)} - keys
        new = {one.key for one in asked if one.expires_s} - have.keys()
        if len(have) - len(gone) + len(new) > MAX_CONTACTS or (
            account not in self._bindings and len(self._bindings) >= MAX_ACCOUNTS
        ):
            raise PeerError("too many contacts", status=403)
        for one in asked:
            _check_order(have.get(one.key), request)
            self._check_loop(account, one.address.uri)
        return gone | {one.key for one in asked if not one.expires_s}

    def _replaced(self, account: str, new: Wanted, request: Request) -> list[str]:
        """Return the keys a unit had before it was started anew: same instance, other Call-ID.

        Flows of RFC 5626 have the same key then.  A unit that does not number its flows comes
        back with another port or address, and its old one would ring into the void until it ends.
        """
        if new.by_flow or not new.expires_s:
            return []
        mine = instance_of(new.address)
        return [
            old.key
            for old in self._of(account).values()
            if mine and old.instance == mine and not old.by_flow
            and old.key != new.key and old.call_id != request.call_id
        ]  # fmt: skip

    def _bound(
        self, account: str, new: Wanted, after: dict[str, Binding], request: Request, flow: Flow,
        now: float,
    ) -> Binding:  # fmt: skip
        """Return a contact's binding, and note it among those there will be."""
        old = after.get(new.key)
        binding = Binding(
            account, new.key, new.address, way_to(new.address.uri, request, flow),
            now + new.expires_s, request.call_id, request.cseq.number,
            request.get("User-Agent") or "", request.to.name, path=path_of(request),
        )  # fmt: skip
        if "gruu" in request.options("Supported") and binding.instance:
            binding = self._named(binding, old)
        after[new.key] = binding
        return binding

    def _named(self, binding: Binding, old: Binding | None) -> Binding:
        """Give it GRUUs: the public one stays, temporary ones hold as long as the Call-ID does."""
        before = old.temporary if old is not None and old.call_id == binding.call_id else ()
        temporary = (*before, self.token())[-gruu.MAX_TEMPORARY :]
        home = gruu.home_of(self.domain, binding.flow)
        return replace(binding, home=home, temporary=temporary)

    def _check_loop(self, account: str, uri: Uri) -> None:
        """RFC 5627 section 5.1: whose Contact is its own GRUU is reached nowhere."""
        mine = self._of(account).values()
        if uri.param("gr") is not None and any(gruu.means(uri, one) for one in mine):
            raise PeerError("Contact is a GRUU of its own", status=403)

    def _put(self, binding: Binding) -> None:
        account, key = binding.account, binding.key
        self._unlink(account, key)
        self._bindings.setdefault(account, {})[key] = binding
        self._alarms.set((account, key), binding.expires_at)
        if binding.flow.carrier.reliable and binding.flow_open:
            self._by_flow.setdefault(binding.flow, set()).add((account, key))

    def _all(self, account: str, request: Request) -> set[str]:
        if number(request.get("Expires") or "1", "Expires") != 0:
            raise PeerError("star needs Expires: 0")
        for binding in self._of(account).values():
            _check_order(binding, request)
        return set(self._of(account))

    def _remove(self, account: str, key: str) -> None:
        self._unlink(account, key)
        bindings = self._of(account)
        if bindings.pop(key, None) is not None:
            self._alarms.set((account, key), None)
            self._outputs += [Unregistered(account, key), Drop(account, key)]
        if not bindings:
            self._bindings.pop(account, None)

    def _unlink(self, account: str, key: str) -> None:
        """Forget by which connection a binding came."""
        old = self._of(account).get(key)
        if old is not None and old.flow in self._by_flow:
            self._by_flow[old.flow].discard((account, key))
            if not self._by_flow[old.flow]:
                del self._by_flow[old.flow]


def _in_order(bindings: Iterable[Binding]) -> list[Binding]:
    return sorted(bindings, key=lambda one: (-one.preference, -one.expires_at))


def _check_order(old: Binding | None, request: Request) -> None:
    if old and old.call_id == request.call_id and request.cseq.number < old.cseq:
        raise PeerError("REGISTER out of order", status=500)


def _shown(binding: Binding) -> tuple[str, Flow, str, str]:
    """Return what the server is told of a binding; by which proxies is the core's affair."""
    return str(binding.uri), binding.flow, binding.model, binding.display_name


def _fact(binding: Binding) -> Registered:
    return Registered(
        binding.account, binding.key, binding.flow, binding.model, binding.display_name,
        binding.expires_at, str(binding.uri),
    )  # fmt: skip
