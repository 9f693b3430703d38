"""What arrived, told of by the engine's code: `media.report.arrival` in C.

::

    arrivals of the snapshot, as rows --> EngineArrivals --take--> messages of feedback --> Reporter

No packet becomes an object; `native/arrivals.h` says what is kept.
"""

from sfu._native import ffi as _ffi
from sfu._native import lib as _lib
from sfu.media.engine import layout
from sfu.model import TransportId


class EngineArrivals:
    """See `media.report.arrival.Arrivals`."""

    def __init__(self) -> None:
        """Know no transport."""
        self._arrivals = _ffi.gc(_lib.sfu_arrivals_open(), _lib.sfu_arrivals_close)
        if self._arrivals == _ffi.NULL:
            raise MemoryError
        self._message = _ffi.new("uint8_t[]", _lib.SFU_FEEDBACK_BYTES)

    def put(self, transport: TransportId) -> None:
        """Keep what arrives on a transport from now on; said again, it changes nothing."""
        if _lib.sfu_arrivals_put(self._arrivals, transport) != 0:
            raise MemoryError

    def forget(self, transport: TransportId) -> None:
        """Forget a transport."""
        _lib.sfu_arrivals_forget(self._arrivals, transport)

    def arrived(self, rows: bytes) -> None:
        """Take arrivals, `layout.LOG_ROW` each; those of nobody's transports are passed over."""
        _lib.sfu_arrivals_add(self._arrivals, rows, len(rows) // layout.LOG_ROW.size)

    def take(self, transport: TransportId, now_us: int) -> list[bytes]:
        """Write the messages that are due, each as it stands behind its two SSRCs."""
        told = []
        while size := _lib.sfu_arrivals_tell(self._arrivals, transport, now_us, self._message):
            told.append(bytes(_ffi.buffer(self._message, size)))
        return told
