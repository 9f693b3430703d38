"""What the server says; each message states what holds now."""

from typing import Literal

from sfu.signalling.webrtc.message.code import EndCode, RefusalCode
from sfu.signalling.webrtc.message.form import Message


class IceServer(Message):
    """A relay a browser may go by, as RTCIceServer has it."""

    urls: tuple[str, ...]
    username: str
    credential: str


class Joined(Message):
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
    offered: bool = False
    """The offer of your `join` is answered; without, say it now."""


class Waiting(Message):
    """You wait until a moderator lets you in; `joined` or `refused` follows."""

    type: Literal["waiting"] = "waiting"
    room: str
    room_name: str = ""


class Refused(Message):
    """What you asked is not done; after a `final` code the connection is closed."""

    type: Literal["refused"] = "refused"
    code: RefusalCode
    text: str
    needed_bps: int | None = None
    """With `line_full`: what this call would need, in bits of the line."""
    free_bps: int | None = None
    """With `line_full`: what the line has left."""


class Layout(Message):
    """How many places to offer for receiving; offer again whenever `pictures` grows."""

    type: Literal["layout"] = "layout"
    wide: int = 3
    narrow: int = 3
    mix: int = 1
    pictures: int


class Answer(Message):
    """The answer to the last offer."""

    type: Literal["answer"] = "answer"
    sdp: str


Picture = Literal["ok", "off", "none"]


class MemberRow(Message):
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


class Members(Message):
    """Everybody in the room, oldest first, `you` among them."""

    type: Literal["members"] = "members"
    members: tuple[MemberRow, ...]
    you: str


class Visitor(Message):
    """Somebody who waits to be let in."""

    member: str
    name: str


class Door(Message):
    """Told to moderators: who waits, oldest first, and what holds whoever comes."""

    type: Literal["door"] = "door"
    locked: bool
    waiting_room: bool
    waiting: tuple[Visitor, ...]


class Slots(Message):
    """Which member each receiving m-line carries now; None is an empty place."""

    type: Literal["slots"] = "slots"
    pictures: dict[str, str | None]
    sounds: dict[str, str | None]
    mix: bool
    """True: the mix is playing, for everybody not named in `sounds`."""


class Speaker(Message):
    """Who leads now."""

    type: Literal["speaker"] = "speaker"
    member: str | None


class CameraLayer(Message):
    """How to encode one simulcast layer of the camera, named by its rid."""

    rid: str
    max_bps: int
    max_height: int | None = None
    """None: as the page offered it."""
    max_fps: int | None = None
    active: bool = True
    """False: nobody watches this layer; stop its encoder."""


class Camera(Message):
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


class Microphone(Message):
    """How to send the microphone."""

    twice: bool = False
    """True: with the packet before beside each (RFC 2198).  Offer anew whenever it changes: the
    answer then puts the format that is wanted first."""
    why: str = ""
    """clean, loss, no_room."""


class Send(Message):
    """What the server wants to be sent; obey at once, and after each later offer again."""

    type: Literal["send"] = "send"
    camera: Camera
    microphone: Microphone = Microphone()


class PictureState(Message):
    """What a picture is given now, and why not more; docs/line.md has the ladder."""

    rung: str
    required_bps: int
    """What the next rung would need, in bits of the line."""
    available_bps: int
    why: str


class Pictures(Message):
    """How each place for a picture fares, by its mid; one not named has all it wants."""

    type: Literal["pictures"] = "pictures"
    pictures: dict[str, PictureState]


class Notice(Message):
    """Something a person must be told about another member; `active` false takes it back."""

    type: Literal["notice"] = "notice"
    code: str
    about: str
    active: bool
    text: str


class Ended(Message):
    """You are no longer in the room; the connection is closed after it."""

    type: Literal["ended"] = "ended"
    code: EndCode
    text: str


class Pong(Message):
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


def refused(code: RefusalCode, detail: str = "") -> Refused:
    """Make a refusal with its English words, and a detail for who debugs a client."""
    text = code.words
    return Refused(code=code, text=f"{text} ({detail})" if detail else text)


def ended(code: EndCode) -> Ended:
    """Make a goodbye with its English words."""
    return Ended(code=code, text=code.words)


def line_full(needed_bps: int, free_bps: int) -> Refused:
    """Refuse for want of room on the line; both in bits of the line."""
    words = RefusalCode.LINE_FULL.words
    needs = f"it would need {needed_bps // 1000} kbit/s and has {free_bps // 1000}"
    return Refused(
        code=RefusalCode.LINE_FULL,
        text=f"{words} ({needs})",
        needed_bps=needed_bps,
        free_bps=free_bps,
    )
