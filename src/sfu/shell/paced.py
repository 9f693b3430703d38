"""A TCP connection of which nothing is read for a while, or that is cut off: SIP's and H.323's."""

import asyncio


class Paced:
    """What both have; the protocol sets `_transport` once it is connected."""

    _transport: asyncio.Transport | None = None

    def _rest(self, seconds: float) -> None:
        """Read nothing for so long."""
        transport = self._transport
        if transport is not None and not transport.is_closing():
            transport.pause_reading()
            asyncio.get_running_loop().call_later(seconds, self._go_on)

    def _go_on(self) -> None:
        transport = self._transport
        if transport is not None and not transport.is_closing() and not transport.is_reading():
            transport.resume_reading()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()
