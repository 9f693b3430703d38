"""What a browser says.  It is hostile: `parse` raises `PeerError` and nothing else."""

import unicodedata
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, TypeAdapter

from sfu.errors import PeerError
from sfu.signalling.webrtc.message.form import Message

TEXT_MAX = 262_144
"""Characters of one message: Chromium offers some 6 kB for each picture it could show."""
SDP_MAX = 245_760
NAME_MAX = 64
"""Characters kept of a person's name; a longer one is cut."""

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def _clean(name: str) -> str:
    """Drop what would disturb a list of names: controls, direction marks, runs of spaces."""
    printable = "".join(
        " " if unicodedata.category(char) in ("Cc", "Zl", "Zp") else char
        for char in name
        if char not in _BIDI
    )
    return " ".join(printable.split())[:NAME_MAX].strip()


Name = Annotated[str, StringConstraints(max_length=1024), AfterValidator(_clean)]
RoomNumber = Annotated[str, StringConstraints(max_length=64, strip_whitespace=True)]
Sdp = Annotated[str, StringConstraints(min_length=1, max_length=SDP_MAX)]


class Join(Message):
    """Let me in; with `resume`, give me back the place I had."""

    type: Literal["join"] = "join"
    room: RoomNumber
    name: Name = ""
    """Empty: the house refuses with `name_missing`."""
    pin: Annotated[str, StringConstraints(max_length=32, strip_whitespace=True)] | None = None
    invitation: Annotated[str, StringConstraints(max_length=128)] | None = None
    """The word of a link for guests: opens its room without the PIN."""
    language: Annotated[str, StringConstraints(max_length=35)] | None = None
    """A BCP 47 tag, say "fr-FR"."""
    resume: Annotated[str, StringConstraints(max_length=128)] | None = None
    sound_only: bool = False
    """I want no pictures and send none: for a line that bears no more."""
    offer: Sdp | None = None
    """The first offer at once; `Joined.offered` says whether it is answered."""


class Offer(Message):
    """A session description to be answered; `restart`: it restarts ICE (RFC 8445 section 9)."""

    type: Literal["offer"] = "offer"
    sdp: Sdp
    restart: bool = False


class LayerState(Message):
    """How large one layer of the camera is; `rid` "" where there is one stream."""

    rid: Annotated[str, StringConstraints(max_length=16)]
    height: Annotated[int, Field(ge=1, le=4320)]
    fps: Annotated[int, Field(ge=1, le=120)] = 25
    temporals: Annotated[int, Field(ge=1, le=3)] = 1
    """Temporal layers told apart in the stream (VP8: TID, RFC 7741); 1: none."""


class State(Message):
    """Whether the person's microphone and camera are on, and how large a picture it can send."""

    type: Literal["state"] = "state"
    microphone: bool
    camera: bool
    layers: Annotated[tuple[LayerState, ...], Field(max_length=8)] = ()
    """As they come from this camera, lowest first; empty where it is not known."""


class Sound(Message):
    """How many voices shall be forwarded side by side: 3 or 1, or 0 for the mix."""

    type: Literal["sound"] = "sound"
    forwarded: Literal[3, 1, 0]


class Leave(Message):
    """I go."""

    type: Literal["leave"] = "leave"


MemberName = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class Admit(Message):
    """A moderator lets in who waits."""

    type: Literal["admit"] = "admit"
    member: MemberName


class TurnAway(Message):
    """A moderator sends away who waits."""

    type: Literal["turn_away"] = "turn_away"
    member: MemberName


class Mute(Message):
    """A moderator takes a member's voice away, or gives it back."""

    type: Literal["mute"] = "mute"
    member: MemberName
    muted: bool


class Remove(Message):
    """A moderator puts a member out."""

    type: Literal["remove"] = "remove"
    member: MemberName


class Hold(Message):
    """A moderator locks the room, or switches its waiting room; None: as it is."""

    type: Literal["hold"] = "hold"
    locked: bool | None = None
    waiting_room: bool | None = None


Moderation = Admit | TurnAway | Mute | Remove | Hold
"""What moderators alone may say."""


class Path(Message):
    """By which way sound and picture come, as the browser's own statistics say."""

    type: Literal["path"] = "path"
    way: Literal["udp", "tcp", "relay"]


class Ping(Message):
    """Are you there?  A page sees no WebSocket ping, so it asks by itself."""

    type: Literal["ping"] = "ping"


ClientMessage = Join | Offer | State | Sound | Leave | Path | Ping | Moderation

_client: TypeAdapter[ClientMessage] = TypeAdapter(
    Annotated[ClientMessage, Field(discriminator="type")]
)


def parse(text: str | bytes) -> ClientMessage:
    """Read one message of a browser; raises `PeerError` and nothing else."""
    if len(text) > TEXT_MAX:
        raise PeerError(f"message longer than {TEXT_MAX} characters", status=413)
    try:
        return _client.validate_json(text)
    except ValueError as error:
        raise PeerError(f"not a message of this protocol: {_first_line(error)}") from None


def _first_line(error: ValueError) -> str:
    """Name the field, never repeat the peer's words: a pin may be among them."""
    errors = getattr(error, "errors", None)
    if errors is None:
        return "not text"
    first = errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"] if str(part).isascii())[:80]
    return f"{where or 'object'}: {first['type']}"
