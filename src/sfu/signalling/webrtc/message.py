"""What a browser and the server say to each other: one JSON object per WebSocket text message.

::

    browser                                          server
      |-- join {room, name} --------------------------->|
      |<-- joined {member, resume}, layout {pictures} --|
      |-- offer {sdp} --------------------------------->|   the browser always offers
      |<-- answer {sdp} --------------------------------|
      |<-- members, slots, send, speaker, notice -------|   each states what holds now
      |-- state {microphone, camera} ------------------>|
      |-- leave --------------------------------------->|

The page docs/protocol.md is the law; unknown fields are ignored both ways, so that a newer side
may say more.  What the browser sends is hostile: `parse` raises `PeerError` and nothing else.
"""

import unicodedata
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from sfu.errors import PeerError

TEXT_MAX = 262_144
"""Characters of one message: Chromium offers some 6 kB for each picture it could show."""
SDP_MAX = 245_760
NAME_MAX = 64
"""Characters kept of a person's name; a longer one is cut."""

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class RefusalCode(StrEnum):
    """Why something asked is not done; docs/protocol.md and the page hold the words."""

    UNKNOWN_ROOM = "unknown_room"
    PIN_REQUIRED = "pin_required"
    WRONG_PIN = "wrong_pin"
    INVITATION_REQUIRED = "invitation_required"
    TOO_MANY_TRIES = "too_many_tries"
    ROOM_FULL = "room_full"
    LINE_FULL = "line_full"
    NAME_MISSING = "name_missing"
    NOT_ADMITTED = "not_admitted"
    NOT_ALLOWED = "not_allowed"
    SERVER_STOPPING = "server_stopping"
    BAD_MESSAGE = "bad_message"
    UNSUPPORTED = "unsupported"

    @property
    def final(self) -> bool:
        """Tell whether the server closes the connection after saying so."""
        return self in _FINAL


_FINAL = (RefusalCode.TOO_MANY_TRIES, RefusalCode.SERVER_STOPPING, RefusalCode.NOT_ADMITTED)


class EndCode(StrEnum):
    """Why a browser is no longer in the room."""

    LEFT = "left"
    REMOVED = "removed"
    REPLACED = "replaced"
    MEDIA_FAILED = "media_failed"
    SERVER_STOPPING = "server_stopping"


def _clean(name: str) -> str:
    """Drop what would disturb a list of names: controls, direction marks, runs of spaces."""
    printable = "".join(
        " " if unicodedata.category(char) in ("Cc", "Zl", "Zp") else char
        for char in name
        if char not in _BIDI
    )
    return " ".join(printable.split())[:NAME_MAX].strip()


class _Message(BaseModel):
    """Frozen; unknown fields are ignored, known ones are not coerced."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


Name = Annotated[str, StringConstraints(max_length=1024), AfterValidator(_clean)]
RoomNumber = Annotated[str, StringConstraints(max_length=64, strip_whitespace=True)]
Sdp = Annotated[str, StringConstraints(min_length=1, max_length=SDP_MAX)]


class Join(_Message):
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


class Offer(_Message):
    """A session description to be answered; `restart`: it restarts ICE (RFC 8445 section 9)."""

    type: Literal["offer"] = "offer"
    sdp: Sdp
    restart: bool = False


class LayerState(_Message):
    """How large one layer of the camera is; `rid` "" where there is one stream."""

    rid: Annotated[str, StringConstraints(max_length=16)]
    height: Annotated[int, Field(ge=1, le=4320)]
    fps: Annotated[int, Field(ge=1, le=120)] = 25


class State(_Message):
    """Whether the person's microphone and camera are on, and how large a picture it can send."""

    type: Literal["state"] = "state"
    microphone: bool
    camera: bool
    layers: Annotated[tuple[LayerState, ...], Field(max_length=8)] = ()
    """As they come from this camera, lowest first; empty where it is not known."""


class Sound(_Message):
    """How many voices shall be forwarded side by side: 3 or 1, or 0 for the mix."""

    type: Literal["sound"] = "sound"
    forwarded: Literal[3, 1, 0]


class Leave(_Message):
    """I go."""

    type: Literal["leave"] = "leave"


MemberName = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class Admit(_Message):
    """A moderator lets in who waits."""

    type: Literal["admit"] = "admit"
    member: MemberName


class TurnAway(_Message):
    """A moderator sends away who waits."""

    type: Literal["turn_away"] = "turn_away"
    member: MemberName


class Mute(_Message):
    """A moderator takes a member's voice away, or gives it back."""

    type: Literal["mute"] = "mute"
    member: MemberName
    muted: bool


class Remove(_Message):
    """A moderator puts a member out."""

    type: Literal["remove"] = "remove"
    member: MemberName


class Hold(_Message):
    """A moderator locks the room, or switches its waiting room; None: as it is."""

    type: Literal["hold"] = "hold"
    locked: bool | None = None
    waiting_room: bool | None = None


Moderation = Admit | TurnAway | Mute | Remove | Hold
"""What moderators alone may say."""


class Path(_Message):
    """By which way sound and picture come, as the browser's own statistics say."""

    type: Literal["path"] = "path"
    way: Literal["udp", "tcp", "relay"]


class Ping(_Message):
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


class IceServer(_Message):
    """A relay a browser may go by, as RTCIceServer has it."""

    urls: tuple[str, ...]
    username: str
    credential: str


class Joined(_Message):
    """You are in."""

    type: Literal["joined"] = "joined"
    member: str
    room: str
    room_name: str = ""
    resume: str
    """Opaque, secret; given with `join` it brings this member back within some 20 s."""
    sound_only: bool = False
    """No pictures for now: it asked so, or its line bears no more."""
    needed_bps: int | None = None
    """With `sound_only` for want of room: what a picture would need, in bits of the line."""
    free_bps: int | None = None
    playout_ms: int = 0
    """Keep sound and pictures back at least so long before they are played, 0: as you like."""
    moderator: bool = False
    """You may admit, mute, remove and lock."""
    ice_servers: tuple[IceServer, ...] = ()
    """Relays to gather candidates of before the first offer; secret."""


class Waiting(_Message):
    """You wait until a moderator lets you in; `joined` or `refused` follows."""

    type: Literal["waiting"] = "waiting"
    room: str
    room_name: str = ""


class Refused(_Message):
    """What you asked is not done; after a `final` code the connection is closed."""

    type: Literal["refused"] = "refused"
    code: RefusalCode
    text: str
    needed_bps: int | None = None
    """With `line_full`: what this call would need, in bits of the line."""
    free_bps: int | None = None
    """With `line_full`: what the line has left."""


class Layout(_Message):
    """How many places to offer for receiving; offer again whenever `pictures` grows."""

    type: Literal["layout"] = "layout"
    wide: int = 3
    narrow: int = 3
    mix: int = 1
    pictures: int


class Answer(_Message):
    """The answer to the last offer."""

    type: Literal["answer"] = "answer"
    sdp: str


Picture = Literal["ok", "off", "none"]


class MemberRow(_Message):
    """One member as this browser may see it."""

    member: str
    name: str
    protocol: Literal["sip", "h323", "webrtc"]
    picture: Picture
    """ok: a picture arrives; off: it could send one and does not; none: it has no camera."""
    sound: bool
    """False: muted, held or without a microphone."""
    muted: bool = False
    """A moderator took its voice away."""


class Members(_Message):
    """Everybody in the room, oldest first, `you` among them."""

    type: Literal["members"] = "members"
    members: tuple[MemberRow, ...]
    you: str


class Visitor(_Message):
    """Somebody who waits to be let in."""

    member: str
    name: str


class Door(_Message):
    """Told to moderators: who waits, oldest first, and what holds whoever comes."""

    type: Literal["door"] = "door"
    locked: bool
    waiting_room: bool
    waiting: tuple[Visitor, ...]


class Slots(_Message):
    """Which member each receiving m-line carries now; None is an empty place."""

    type: Literal["slots"] = "slots"
    pictures: dict[str, str | None]
    sounds: dict[str, str | None]
    mix: bool
    """True: the mix is playing, for everybody not named in `sounds`."""


class Speaker(_Message):
    """Who leads now."""

    type: Literal["speaker"] = "speaker"
    member: str | None


class CameraLayer(_Message):
    """How to encode one simulcast layer of the camera, named by its rid."""

    rid: str
    max_bps: int
    max_height: int | None = None
    """None: as the page offered it."""
    max_fps: int | None = None
    active: bool = True
    """False: nobody watches this layer; stop its encoder."""


class Camera(_Message):
    """How to encode the camera."""

    codec: Literal["H264", "VP8"]
    mode: Literal[0, 1] = 1
    """packetization-mode (RFC 6184); without meaning for VP8."""
    max_bps: int
    max_height: int | None = None
    active: bool = True
    """False: nobody watches, or nobody can; stop the encoder."""
    layers: tuple[CameraLayer, ...] = ()
    """One for each layer agreed, lowest first; empty where the offer had none."""


class Microphone(_Message):
    """How to send the microphone."""

    twice: bool = False
    """True: with the packet before beside each (RFC 2198).  Offer anew whenever it changes: the
    answer then puts the format that is wanted first."""
    why: str = ""
    """clean, loss, no_room."""


class Send(_Message):
    """What the server wants to be sent; obey at once, and after each later offer again."""

    type: Literal["send"] = "send"
    camera: Camera
    microphone: Microphone = Microphone()


class PictureState(_Message):
    """What a picture is given now, and why not more; docs/line.md has the ladder."""

    rung: str
    required_bps: int
    """What the next rung would need, in bits of the line."""
    available_bps: int
    why: str


class Pictures(_Message):
    """How each place for a picture fares, by its mid; one not named has all it wants."""

    type: Literal["pictures"] = "pictures"
    pictures: dict[str, PictureState]


class Notice(_Message):
    """Something a person must be told about another member; `active` false takes it back."""

    type: Literal["notice"] = "notice"
    code: str
    about: str
    active: bool
    text: str


class Ended(_Message):
    """You are no longer in the room; the connection is closed after it."""

    type: Literal["ended"] = "ended"
    code: EndCode
    text: str


class Pong(_Message):
    """I am here."""

    type: Literal["pong"] = "pong"


ServerMessage = (
    Joined
    | Waiting
    | Refused
    | Layout
    | Answer
    | Members
    | Door
    | Slots
    | Speaker
    | Send
    | Pictures
    | Notice
    | Ended
    | Pong
)


def dump(message: ServerMessage) -> str:
    """Spell a message for the wire."""
    return message.model_dump_json()


_REFUSALS = {
    RefusalCode.UNKNOWN_ROOM: "There is no room with this number.",
    RefusalCode.PIN_REQUIRED: "This room asks for a PIN.",
    RefusalCode.WRONG_PIN: "That is not the PIN of this room.",
    RefusalCode.INVITATION_REQUIRED: "This room opens by an invitation link.",
    RefusalCode.TOO_MANY_TRIES: "Too many tries. Wait a minute.",
    RefusalCode.ROOM_FULL: "The room is full.",
    RefusalCode.LINE_FULL: "The line has no room for this call.",
    RefusalCode.NAME_MISSING: "Give a name.",
    RefusalCode.NOT_ADMITTED: "You were not let in.",
    RefusalCode.NOT_ALLOWED: "This is not allowed from here.",
    RefusalCode.SERVER_STOPPING: "The server is stopping.",
    RefusalCode.BAD_MESSAGE: "The server did not understand the page.",
    RefusalCode.UNSUPPORTED: "This browser cannot take part.",
}

_ENDS = {
    EndCode.LEFT: "You have left.",
    EndCode.REMOVED: "You were removed from the room.",
    EndCode.REPLACED: "You are in this room from another window.",
    EndCode.MEDIA_FAILED: "Picture and sound could not reach the server.",
    EndCode.SERVER_STOPPING: "The server is stopping.",
}


def refused(code: RefusalCode, detail: str = "") -> Refused:
    """Make a refusal with its English words, and a detail for who debugs a client."""
    text = _REFUSALS[code]
    return Refused(code=code, text=f"{text} ({detail})" if detail else text)


def ended(code: EndCode) -> Ended:
    """Make a goodbye with its English words."""
    return Ended(code=code, text=_ENDS[code])


def line_full(needed_bps: int, free_bps: int) -> Refused:
    """Refuse for want of room on the line; both in bits of the line."""
    words = _REFUSALS[RefusalCode.LINE_FULL]
    needs = f"it would need {needed_bps // 1000} kbit/s and has {free_bps // 1000}"
    return Refused(
        code=RefusalCode.LINE_FULL,
        text=f"{words} ({needs})",
        needed_bps=needed_bps,
        free_bps=free_bps,
    )
