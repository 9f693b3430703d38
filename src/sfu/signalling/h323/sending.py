"""The channels of one call that we open (H.245 section 8.4): what is tried, refused, limited.

For each kind of media one channel is asked for, of the first capability of the peer's that we
can send.  What it refuses, or wants closed, is not asked for again before its next set.
"""

from collections.abc import Callable
from itertools import cycle

from sfu.model import Codec, Kind
from sfu.signalling.h323.capset import CapabilitySet
from sfu.signalling.h323.channel import Outgoing
from sfu.signalling.h323.datatype import (
    BASELINE,
    H264,
    NON_INTERLEAVED,
    PROFILE,
    SINGLE_NAL,
    Camera,
    DataType,
    OldPicture,
    Packetization,
)
from sfu.signalling.h323.description import DYNAMIC, SESSIONS, Ours
from sfu.signalling.h323.h245 import (
    H245,
    CloseChannel,
    FlowControl,
    OpenAck,
    OpenChannel,
    OpenReject,
)

SOUND_BPS = 64_000
"""What is left for sound where the peer limits the whole call."""
CAMERA_PT = 100
"""Payload type of far end camera control, a dynamic one."""
NUMBERS = range(101, 65_536)
"""Of our channels; after the last the first comes again (LogicalChannelNumber, H.245)."""


class Sending:
    """Our channels; what is to be said goes to `say`, each change to `changed`."""

    def __init__(self, say: Callable[[H245], None], changed: Callable[[], None]) -> None:
        """Begin without channels, and without knowing what the peer takes."""
        self.channels: dict[Kind, Outgoing] = {}
        self.theirs: CapabilitySet | None = None
        self._say = say
        self._changed = changed
        self._refused: dict[Kind, set[str]] = {}
        self._numbers = cycle(NUMBERS)

    @property
    def takes_h264(self) -> bool:
        """Whether the peer said that it takes H.264 of the baseline profile."""
        taken = self.theirs.takes(H264) if self.theirs is not None else ()
        pictures = (one.what for one in taken)
        return any(isinstance(one, H264) and one.parameter(PROFILE) & BASELINE for one in pictures)

    @property
    def paused(self) -> bool:
        """Whether the peer takes nothing for now: its set is empty (H.323 section 8.4.6)."""
        return self.theirs is not None and not self.theirs.abilities

    def take_set(self, theirs: CapabilitySet, ours: Ours) -> None:
        """Take in what the peer takes: channels it takes no more are closed."""
        self.theirs = theirs
        self._refused.clear()
        for kind, channel in list(self.channels.items()):
            # an empty set is a pause: H.323 section 8.4.6
            wanted = ours.choose(kind, theirs) if theirs.abilities else None
            if type(wanted) is not type(channel.asked.data):
                self._shut(kind)

    def open_more(self, ours: Ours) -> None:
        """Ask for a channel of each kind that has none and that both sides know."""
        for kind in SESSIONS:
            if kind in self.channels or kind not in ours.media:
                continue
            data = self._choice(kind, ours)
            if data is not None:
                self._open(kind, data, ours)

    def answered(self, message: OpenAck | OpenReject) -> None:
        """Take the peer's answer; after a refusal the next of its capabilities is tried."""
        kind = self._of(message.number)
        if kind is None:
            return
        channel = self.channels[kind]
        if isinstance(message, OpenAck):
            channel.accepted(message)
            self._changed()
        else:
            self._refused.setdefault(kind, set()).add(_name(channel.asked.data))
            del self.channels[kind]

    def limited(self, message: FlowControl) -> None:
        """Take in what the peer takes at most, of one channel or of the call."""
        if message.number is None:
            channel = self.channels.get(Kind.VIDEO)
            whole = message.max_bps
            left = None if whole is None else max(whole - SOUND_BPS, 0)
        else:
            kind = self._of(message.number)
            channel = self.channels[kind] if kind is not None else None
            left = message.max_bps
        if channel is not None:  # None: of a channel that is none, or closed
            channel.max_bps = left or 0
            channel.held = left == 0
            self._changed()

    def give_up(self, number: int) -> None:
        """Close a channel the peer wants closed, and do not open its like again."""
        kind = self._of(number)
        if kind is not None:
            self._refused.setdefault(kind, set()).add(_name(self.channels[kind].asked.data))
            self._shut(kind)

    def _choice(self, kind: Kind, ours: Ours) -> DataType | None:
        assert self.theirs is not None
        refused = self._refused.get(kind, set())
        left = tuple(one for one in self.theirs.abilities if _name(one.what) not in refused)
        known = CapabilitySet(self.theirs.sequence, left, self.theirs.packetizations)
        return ours.choose(kind, known)

    def _open(self, kind: Kind, data: DataType, ours: Ours) -> None:
        payload, packing = None, None
        if isinstance(data, H264):
            oid = NON_INTERLEAVED if self._mode() else SINGLE_NAL
            payload = DYNAMIC[oid]
            packing = Packetization(payload, oid)
        elif isinstance(data, OldPicture):
            packing = Packetization(None, rfc=2190 if data.codec is Codec.H263 else 2032)
        elif isinstance(data, Camera):
            payload = CAMERA_PT
        asked = OpenChannel(
            next(self._numbers),
            data,
            SESSIONS[kind],
            ours.control[kind],
            payload_type=payload,
            packetization=packing,
        )
        self.channels[kind] = Outgoing(asked)
        self._say(asked)

    def _mode(self) -> int:
        """Return the packetization we send in: mode 1 where it says that it takes it."""
        return 1 if self.theirs is not None and 1 in self.theirs.modes else 0

    def _shut(self, kind: Kind) -> None:
        channel = self.channels.pop(kind)
        self._say(CloseChannel(channel.asked.number))
        self._changed()

    def _of(self, number: int | None) -> Kind | None:
        return next((k for k, one in self.channels.items() if one.asked.number == number), None)


def _name(data: DataType) -> str:
    codec = getattr(data, "codec", None)
    return codec.name if codec is not None else type(data).__name__
