r"""Who stands behind which access line: a configured one, or one of its own for each stranger.

::

    account of a call ------> [[line]] accounts --\
    where its media or its                         +--> AccessLine, ids once a process
    signalling comes from --> [[line]] networks, --/
                              the longest prefix wins
    nobody's network: a browser is a line of its own whose rate nobody knows; a codec stands behind
    the server's own line where that is configured, else behind none
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sfu.config import Line
from sfu.media.allocation.encapsulation import Encapsulation
from sfu.model import Framing, LineId
from sfu.shell.places import Places, address_of

UNKNOWN = Encapsulation(Framing.ATM, Framing.ATM.usual_overhead_bytes)
"""How packets are counted on a line nobody described: too much costs picture, too little sound."""


@dataclass(frozen=True, slots=True)
class AccessLine:
    """A line as the server sees it; rates in bit/s on the line, None where nobody knows."""

    line: LineId
    site: str
    name: str
    """What logs, metrics and the API call it; "" for one that is nobody's but a browser's."""
    send_bps: int | None
    """What we may send over it: down to a site, or up the server's own."""
    receive_bps: int | None
    encapsulation: Encapsulation
    server: bool = False
    """The server itself stands behind it: whoever is not in its networks spends from it."""
    beside: bool = False
    """Of a browser beside the server: what goes there takes nothing of the server's own line."""

    @property
    def known(self) -> bool:
        """Whether somebody configured it."""
        return bool(self.name)


class Lines:
    """All configured lines, and the ids of those that come and go with a browser."""

    def __init__(
        self,
        lines: Sequence[Line],
        names: Sequence[str],
        new_line: Callable[[], LineId],
        places: Places | None = None,
    ) -> None:
        """Give each configured line its id; `names` as `Settings.line_names` gives them."""
        self._new_line = new_line
        self.owns: dict[LineId, AccessLine] = {}
        """Those of browsers."""
        self.on_open: Callable[[AccessLine], None] = lambda line: None
        self.on_close: Callable[[AccessLine], None] = lambda line: None
        self.configured: tuple[AccessLine, ...] = ()
        self.adopt(lines, names, places)

    def adopt(self, lines: Sequence[Line], names: Sequence[str], places: Places | None) -> None:
        """Know these lines from now on; one whose name was known before keeps its id."""
        self.site_of = (places or Places()).site_of
        before = {one.name: one.line for one in self.configured}
        self.configured = tuple(
            _known(line, name, before.get(name) or self._new_line())
            for line, name in zip(lines, names, strict=True)
        )
        pairs = list(zip(lines, self.configured, strict=True))
        self._accounts = {user: known for line, known in pairs for user in line.accounts}
        self._networks = sorted(
            ((network, known) for line, known in pairs for network in line.networks),
            key=lambda pair: -pair[0].prefixlen,
        )
        self.server = next((one for one in self.configured if one.server), None)

    def behind(self, host: str, account: str | None = None) -> AccessLine | None:
        """Return the configured line somebody stands behind; None for nobody's."""
        if account is not None and account in self._accounts:
            return self._accounts[account]
        address = address_of(host)
        if address is None:
            return None
        return next((known for network, known in self._networks if address in network), None)

    def of_codec(self, hosts: Sequence[str], account: str | None = None) -> AccessLine | None:
        """Return the line of a room codec; `hosts` are where it is, the surest first.

        A unit beside the server, in the networks of the server's own line, spends from no line.
        """
        known = next((one for host in hosts if (one := self.behind(host, account))), None)
        if known is not None:
            return None if known.server else known
        return self.server

    def of_browser(self, host: str) -> AccessLine | None:
        """Return the configured line of a browser; None where it is a line of its own."""
        known = self.behind(host)
        return None if known is not None and known.server else known

    def own(self, host: str = "") -> AccessLine:
        """Open a new line whose rate nobody knows, for one browser at this address."""
        beside = not self.spends_from_server(host)
        opened = AccessLine(self._new_line(), "", "", None, None, UNKNOWN, beside=beside)
        self.owns[opened.line] = opened
        self.on_open(opened)
        return opened

    def close(self, own: AccessLine) -> None:
        """Forget the line of a browser that left."""
        if self.owns.pop(own.line, None) is not None:
            self.on_close(own)

    def find(self, line: LineId) -> AccessLine | None:
        """Return a line by its id."""
        known = next((one for one in self.configured if one.line == line), None)
        return known or self.owns.get(line)

    def spends_from_server(self, host: str) -> bool:
        """Tell whether what goes to this address goes over the server's own line."""
        if self.server is None:
            return False
        known = self.behind(host)
        return known is None or not known.server

    def __iter__(self) -> Iterator[AccessLine]:
        """Yield the configured lines."""
        return iter(self.configured)


def _known(line: Line, name: str, number: LineId) -> AccessLine:
    down, up = (line.up_bps, line.down_bps) if line.server else (line.down_bps, line.up_bps)
    wrapped = Encapsulation(line.framing, line.overhead)
    return AccessLine(number, line.site, name, down, up, wrapped, line.server)
