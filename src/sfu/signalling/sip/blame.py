"""Who was refused, why and how often: counted always, told of now and then.

Who goes on is told of every 10 s, not by every packet; all addresses together get some lines a
second, so that a flood fills no disk.
"""

from collections import Counter, OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from sfu.signalling.sip.flow import site_of
from sfu.signalling.sip.share import Share

MAX_TOLD = 8192
"""Addresses and reasons remembered; the one unheard of longest goes."""
TOLD_EVERY_S = 10.0
TOLD_PER_S, TOLD_AT_ONCE = 2.0, 20
"""Log lines about abuse, all addresses together."""


class Reason(StrEnum):
    """Why something was refused."""

    MESSAGES = "messages"
    CALLS = "calls"
    PASSWORDS = "passwords"
    NUMBERS = "numbers"
    """Rooms that do not exist, and wrong PINs dialled with the number."""
    STRANGERS = "strangers"
    """All addresses without a call, a registration or a listed network, together."""
    UNCONFIRMED = "unconfirmed"
    """Calls that were answered and never acknowledged."""
    CONNECTIONS = "connections"
    HANDSHAKES = "handshakes"
    """TLS not agreed in time, or too many of them at once."""
    SLOW = "slow"
    TOO_LARGE = "too_large"
    GARBLED = "garbled"
    """A stream in which no message can be found any more."""
    BACKLOG = "backlog"
    """More than the server can look at just now."""


NOBODYS = frozenset({Reason.STRANGERS, Reason.BACKLOG})
"""What no address is to blame for: whoever came last was refused."""


SIP_REASONS = tuple(Reason)
WEB_REASONS = (
    Reason.CONNECTIONS, Reason.STRANGERS, Reason.HANDSHAKES, Reason.SLOW, Reason.TOO_LARGE,
)  # fmt: skip
"""What the page's port refuses for."""


@dataclass(frozen=True, slots=True)
class Abuse:
    """To be logged: this address asks too much, and was refused so often since the last line."""

    remote: str
    """"" where no single address is to blame."""
    reason: Reason
    count: int
    proven: bool = True
    """False: it came in single datagrams, which anybody may send under this address."""


class Blame:
    """What was refused at one door."""

    def __init__(self) -> None:
        """Begin with nothing refused."""
        self.refused: Counter[Reason] = Counter()
        """Since the start."""
        self._told: OrderedDict[tuple[str, Reason, bool], tuple[float, int]] = OrderedDict()
        """When each was told of, and how many were refused since."""
        self._lines = Share()
        self._outputs: deque[Abuse] = deque()

    def refuse(self, host: str, reason: Reason, now: float, *, proven: bool = True) -> None:
        """Count a refusal, and have it told of unless that was done a moment ago."""
        self.refused[reason] += 1
        blamed = host if reason not in NOBODYS else ""
        key = (site_of(blamed) if blamed else "", reason, proven)
        at, count = self._told.get(key, (now - TOLD_EVERY_S, 0))
        if now - at >= TOLD_EVERY_S and self._lines.take(now, TOLD_PER_S, TOLD_AT_ONCE):
            self._outputs.append(Abuse(blamed, reason, count + 1, proven))
            self._told[key] = (now, 0)
        else:
            self._told[key] = (at, count + 1)
        self._told.move_to_end(key)
        if len(self._told) > MAX_TOLD:
            self._told.popitem(last=False)

    def poll(self) -> Iterator[Abuse]:
        """Yield what shall be logged."""
        while self._outputs:
            yield self._outputs.popleft()
