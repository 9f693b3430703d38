"""The packed structures of `native/engine.h`, in its order; host byte order, no hidden padding.

What stands here twice, once in C and once as a format, is compared by size when an engine opens.
"""

from struct import Struct

ABI_VERSION = 9
PAYLOADS_MAX = 16
MID_MAX = 32
MKI_MAX = 128
LATENCY_BUCKETS = 10
_ADDRESS = "HHI16s"
_PAIRS = f"{2 * PAYLOADS_MAX}s{2 * PAYLOADS_MAX}s"

RECORD = Struct("=II")
OPEN_SOCKET = Struct("=Ii")
OPEN_TRANSPORT = Struct(f"=IIIIBBBB8s{_ADDRESS}{_ADDRESS}")
SET_KEYS = Struct(f"=IIHBB32s16s{MKI_MAX}s")
SET_SOURCE = Struct(f"=IIIIIBBBBBBBx{_PAIRS}")
SET_SINK = Struct(f"=IIIIIIBBBBBBBx{_PAIRS}{MID_MAX}s")
SET_ROUTE = Struct("=IIIxxxx")
SET_LINE = Struct("=IIQBxxxxxxx")
SET_MARKS = Struct("=BBBBxxxx")
PROBE = Struct("=IIQq")
CLOSE = Struct("=Ixxxx")
TRANSMIT = Struct(f"=II{_ADDRESS}")
RECEIVED = Struct(f"=IIq{_ADDRESS}")
SOURCE_APPEARED = Struct(f"=IIBBBB{MID_MAX}s{MID_MAX}s{MID_MAX}sxxxx")
KEYFRAME_PASSED = Struct("=Ixxxxq")
TRANSPORT_LATCHED = Struct(f"=II{_ADDRESS}")
TELEPHONE_EVENT = Struct("=IIIIIxxxx")
SINK_STARVED = Struct("=IIq")
SNAPSHOT_HEAD = Struct(f"=7IIIxxxxqQQ{LATENCY_BUCKETS}QQ")
SOCKET_ROW = Struct("=Ixxxx8Q")
TRANSPORT_ROW = Struct("=Ixxxx9Qq")
SOURCE_ROW = Struct("=4I2Qq4Iq4Q")
SINK_ROW = Struct("=7Ixxxx2Qq4Q")
LINE_ROW = Struct("=Ixxxx5Qq2Q")
LOG_ROW = Struct("=IHHq")
TOLD = Struct("=iI")
QUEUE = Struct("=dddqIxxxx")

SIZES = (
    ABI_VERSION,
    *(
        layout.size
        for layout in (
            RECORD,
            OPEN_SOCKET,
            OPEN_TRANSPORT,
            SET_KEYS,
            SET_SOURCE,
            SET_SINK,
            SET_ROUTE,
            SET_LINE,
            SET_MARKS,
            PROBE,
            CLOSE,
            TRANSMIT,
            RECEIVED,
            SOURCE_APPEARED,
            KEYFRAME_PASSED,
            TRANSPORT_LATCHED,
            TELEPHONE_EVENT,
            SINK_STARVED,
            SNAPSHOT_HEAD,
            SOCKET_ROW,
            TRANSPORT_ROW,
            SOURCE_ROW,
            SINK_ROW,
            LINE_ROW,
            LOG_ROW,
            TOLD,
            QUEUE,
        )
    ),
)
"""What `sfu_abi()` must answer."""


class Down:
    """Kinds of commands."""

    OPEN_SOCKET = 1
    OPEN_TRANSPORT = 2
    SET_KEYS = 3
    SET_SOURCE = 4
    SET_SINK = 5
    SET_ROUTE = 6
    CLOSE_SOCKET = 7
    CLOSE_TRANSPORT = 8
    CLOSE_SOURCE = 9
    CLOSE_SINK = 10
    TRANSMIT = 11
    TRANSMIT_RTCP = 12
    SET_LINE = 13
    CLOSE_LINE = 14
    SET_MARKS = 15
    PROBE = 16


class Up:
    """Kinds of events."""

    DATAGRAM_RECEIVED = 1
    RTCP_RECEIVED = 2
    SOURCE_APPEARED = 3
    KEYFRAME_PASSED = 4
    TRANSPORT_LATCHED = 5
    TELEPHONE_EVENT_RECEIVED = 6
    SINK_STARVED = 7
    SOCKET_ENDED = 8
