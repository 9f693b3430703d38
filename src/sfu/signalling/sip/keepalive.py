"""Flows that alone reach somebody are kept open (RFC 5626 section 4.4, the server's half).

A NAT forgets a UDP mapping after 30 s at the least (RFC 4787 section 4.3 wants 120), a TCP one
after some minutes.  Nobody but the peer knows whether it pings; so we do too::

    every 25 s:  CRLFCRLF on each UDP flow of a call or registration behind NAT
    every 100 s: on each connection as well

Who pings us over a connection gets its CRLF from the shell.
"""

from collections.abc import Iterable

from sfu.signalling.sip.flow import Flow

PULSE_S = 25.0
STREAM_BEATS = 4
PING = b"\r\n\r\n"


class Keepalive:
    """Says when to ping which of the flows it is shown."""

    def __init__(self) -> None:
        """Rest until there is something to keep open."""
        self.deadline: float | None = None
        self._beats = 0

    def begin(self, now: float) -> None:
        """There is a flow to be kept open."""
        if self.deadline is None:
            self.deadline = now + PULSE_S

    def tick(self, flows: Iterable[Flow], now: float) -> list[Flow]:
        """Return the flows to ping now; with none left the pulse rests again."""
        if self.deadline is None or now < self.deadline:
            return []
        kept = list(dict.fromkeys(flows))
        self._beats += 1
        self.deadline = now + PULSE_S if kept else None
        streams = self._beats % STREAM_BEATS == 0
        return [flow for flow in kept if streams or not flow.carrier.reliable]
