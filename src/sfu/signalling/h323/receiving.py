"""The channels of one call that the peer opens (H.245 section 8.4): taken, or refused."""

from collections.abc import Callable

from sfu.model import Kind
from sfu.signalling.h323.channel import Incoming, incoming, kind_of
from sfu.signalling.h323.datatype import H264, Camera, DataType, OldPicture, Slides, Sound
from sfu.signalling.h323.description import SESSIONS, Ours
from sfu.signalling.h323.h245 import H245, OpenAck, OpenChannel, OpenReject


class Receiving:
    """The peer's channels, one of each kind; answers go to `say`, each change to `changed`."""

    def __init__(self, say: Callable[[H245], None], changed: Callable[[], None]) -> None:
        """Begin without channels."""
        self.channels: dict[Kind, Incoming] = {}
        self._say = say
        self._changed = changed

    def opened(self, asked: OpenChannel, ours: Ours) -> None:
        """Answer a channel: with our ports, or with why not."""
        kind = kind_of(asked.data)
        if kind is None or not _taken(kind, asked.data, ours):
            self._say(OpenReject(asked.number, _refusal(asked.data)))
            return
        if asked.reverse is not None:  # each of us opens its own
            self._say(OpenReject(asked.number, "unsuitableReverseParameters"))
            return
        self.channels[kind] = incoming(asked, kind)
        session = asked.session or SESSIONS[kind]
        self._say(OpenAck(asked.number, session, ours.media[kind], ours.control[kind]))
        self._changed()

    def closed(self, number: int) -> None:
        """Take in that the peer closed one."""
        for kind, channel in list(self.channels.items()):
            if channel.number == number:
                del self.channels[kind]
                self._changed()


def _taken(kind: Kind, data: DataType, ours: Ours) -> bool:
    if kind not in ours.media:
        return False
    match data:
        case Sound():
            return data.codec in ours.sounds
        case H264():
            return ours.picture is not None
        case OldPicture():
            return any(one.codec is data.codec for one in ours.olds)
    return isinstance(data, Camera)


def _refusal(data: DataType) -> str:
    return "dataTypeNotAvailable" if isinstance(data, Slides) else "dataTypeNotSupported"
