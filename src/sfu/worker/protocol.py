"""What server and mix worker say to each other: all the server sees of a worker.

Two socket pairs: *media*, datagrams, plain RTP both ways; *control*, a stream, one JSON object a
line, `type` naming the message::

    server                                   worker
      |-- set_input {ssrc: 7} ----------------->|
      |-- set_leg {leg: 1, ssrc: 900, ... } --->|
      |-- speak {leg: 1, names: [...]} -------->|
      |== RTP 7 (G.722) =======================>|
      |<======================== RTP 900, 50/s =|
      |<- levels_measured {levels: [[7, 24]]} --|   each 100 ms while anybody is heard
      |<- delays {legs: [[1, 41]]}, alive ------|   each second
      |<- spoken {leg: 1}, key_heard {ssrc: 7} -|
      X control closed                          |   the worker ends

What a payload type means on the media socket is fixed, both ways: `PAYLOAD_TYPES`.  A codec may
change in mid stream, its payload type tells.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any, Final

from sfu.errors import PeerError
from sfu.model import Codec, Ssrc

PAYLOAD_TYPES: Final[dict[Codec, int]] = {
    Codec.OPUS: 111,
    Codec.G722: 9,
    Codec.PCMU: 0,
    Codec.PCMA: 8,
    Codec.CN: 13,
}
CODECS: Final[dict[int, Codec]] = {number: codec for codec, number in PAYLOAD_TYPES.items()}
ENCODED: Final = frozenset({Codec.OPUS, Codec.G722, Codec.PCMU, Codec.PCMA})
"""What a leg may be sent."""
PTIMES_MS: Final = (10, 20, 30, 40, 60)
LEAST_OPUS_BPS, MOST_OPUS_BPS = 6_000, 510_000
"""RFC 6716 section 2.1.1."""
MOST_LINE: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class SetInput:
    """Decode this stream from now on; said again to change whether keys are looked for."""

    ssrc: Ssrc
    keys: bool = False
    """Tell of the keys that are pressed as tones in it, and let nobody hear them."""


@dataclass(frozen=True, slots=True)
class CloseInput:
    """Forget a stream; legs that mix it hear it no more."""

    ssrc: Ssrc


@dataclass(frozen=True, slots=True)
class SetLeg:
    """Send a mix of these inputs; said again to change what is in it."""

    leg: int
    ssrc: Ssrc
    codec: Codec
    ptime_ms: int
    inputs: frozenset[Ssrc]
    max_bps: int = 0
    """Of Opus; 0: as ever."""


@dataclass(frozen=True, slots=True)
class CloseLeg:
    """Stop sending."""

    leg: int


@dataclass(frozen=True, slots=True)
class PlayTone:
    """Beep to one leg, on top of what it hears; names are `sfu.model.Tone`."""

    leg: int
    name: str


@dataclass(frozen=True, slots=True)
class Speak:
    """Say prompts to one leg behind what it is played now; none: play nothing any more.

    Names are those of `sfu.worker.prompt`, "fr/welcome".
    """

    leg: int
    names: tuple[str, ...]


Order = SetInput | CloseInput | SetLeg | CloseLeg | PlayTone | Speak


@dataclass(frozen=True, slots=True)
class LevelsMeasured:
    """Loudest 20 ms of each input heard in the last 100 ms: 0 dBov loudest (RFC 6464).

    Who is not named was not heard; a last report names nobody, then there are none.
    """

    levels: tuple[tuple[Ssrc, int], ...]


@dataclass(frozen=True, slots=True)
class Delays:
    """How long sound stays in the worker, arrival to sending, ms: mean over a leg's inputs."""

    legs: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Alive:
    """The worker's pulse; `busy` is the part of the last second it worked, 0 to 1."""

    busy: float


@dataclass(frozen=True, slots=True)
class Spoken:
    """A leg has been told all it was to be told; not reported of what was cut off."""

    leg: int


@dataclass(frozen=True, slots=True)
class KeyHeard:
    """A key went down in the sound of an input with `SetInput.keys`: 0-9 * # A-D."""

    ssrc: Ssrc
    name: str


Report = LevelsMeasured | Delays | Alive | Spoken | KeyHeard
Message = Order | Report

_NAMES: Final[dict[str, type[Message]]] = {
    "set_input": SetInput,
    "close_input": CloseInput,
    "set_leg": SetLeg,
    "close_leg": CloseLeg,
    "play_tone": PlayTone,
    "speak": Speak,
    "levels_measured": LevelsMeasured,
    "delays": Delays,
    "alive": Alive,
    "spoken": Spoken,
    "key_heard": KeyHeard,
}
_TYPES: Final = {cls: name for name, cls in _NAMES.items()}


def encode(message: Message) -> bytes:
    """Return a message as a line."""
    fields: dict[str, Any] = {"type": _TYPES[type(message)], **asdict(message)}
    return json.dumps(fields, separators=(",", ":"), default=sorted).encode() + b"\n"


def decode(line: bytes) -> Message:
    """Return the message of a line; `PeerError` for anything else."""
    try:
        fields = json.loads(line)
        name = fields.pop("type")
        return _build(name, fields)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise PeerError(f"not a worker's message: {line[:80]!r}") from error


def _build(name: str, fields: dict[str, Any]) -> Message:
    cls = _NAMES[name]
    if cls is SetLeg:
        codec, inputs = Codec(fields.pop("codec")), frozenset(map(_number, fields.pop("inputs")))
        numbers = {key: _number(value) for key, value in fields.items()}
        leg = SetLeg(codec=codec, inputs=inputs, **numbers)
        thin = leg.max_bps and not LEAST_OPUS_BPS <= leg.max_bps <= MOST_OPUS_BPS
        if codec not in ENCODED or leg.ptime_ms not in PTIMES_MS or thin:
            raise ValueError("no such leg")
        return leg
    if cls is Speak:
        return Speak(_number(fields.pop("leg")), tuple(map(_text, fields.pop("names"))))
    if cls is LevelsMeasured:
        return LevelsMeasured(_pairs(**fields))
    if cls is Delays:
        return Delays(_pairs(**fields))
    if cls is Alive:
        return Alive(float(fields.pop("busy")))
    text: dict[str, Any] = {key: _text(fields.pop(key)) for key in ("name",) if key in fields}
    return cls(**{key: _number(value) for key, value in fields.items()}, **text)


def _pairs(levels: Any = (), legs: Any = ()) -> Any:
    return tuple((_number(first), _number(second)) for first, second in [*levels, *legs])


def _number(value: Any) -> Any:
    if not isinstance(value, int) or not 0 <= value < 1 << 32:
        raise ValueError("not a 32-bit number")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("a name is a string")
    return value


class Lines:
    """Cuts what a stream brings into messages."""

    def __init__(self) -> None:
        """Start at the beginning of a line."""
        self._rest = b""

    def feed(self, data: bytes) -> list[Message]:
        """Return the messages now complete; `PeerError` for a bad or endless line."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MOST_LINE:
            raise PeerError("worker's line too long")
        return [decode(line) for line in lines]
