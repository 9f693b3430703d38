"""Members with the capabilities that real endpoints have, and a room that is talked to."""

from collections.abc import Iterable

from sfu.model import Codec, MemberId, Protocol, RoomId
from sfu.room.event import (
    LevelsMeasured,
    MemberJoined,
    PictureStarted,
    RoomEvent,
    SoundStarted,
)
from sfu.room.output import PlaySounds, RoomOutput, SendPicture, ShowPictures, SpeakerChanged
from sfu.room.room import Room
from sfu.signalling.capability import Capability, H264Limits

BROWSER_SOUNDS = frozenset({Codec.OPUS, Codec.G722, Codec.PCMA, Codec.PCMU})
BROWSER_PICTURES = frozenset({Codec.H264, Codec.VP8})


def limits(fs: int = 3600, modes: Iterable[int] = (0, 1)) -> H264Limits:
    return H264Limits(66, 0x80, 31, 108_000, fs, 14_000, 18_000, frozenset(modes), 108_000)


def browser(
    *,
    tiles: int = 4,
    pictures: Iterable[Codec] = BROWSER_PICTURES,
    sounds: Iterable[Codec] = BROWSER_SOUNDS,
    video_bps: int = 0,
) -> Capability:
    videos, audios = frozenset(pictures), frozenset(sounds)
    return Capability(
        audio_send=frozenset({Codec.OPUS}) & audios or audios,
        audio_receive=audios,
        video_send=videos,
        video_receive=videos,
        h264=limits(8160) if Codec.H264 in videos else None,
        single_nal=False,
        can_send_single_nal=True,
        pictures=tiles,
        video_bps=video_bps,
        forwarded_sounds=True,
    )


def codec(
    *,
    pictures: Iterable[Codec] = (Codec.H264,),
    sounds: Iterable[Codec] = (Codec.G722, Codec.PCMA),
    single_nal: bool = False,
    can_send_single_nal: bool = True,
    video_bps: int = 1_400_000,
    fs: int = 3600,
    size: tuple[int, int, int] | None = None,
) -> Capability:
    videos, audios = frozenset(pictures), frozenset(sounds)
    return Capability(
        audio_send=audios,
        audio_receive=audios,
        video_send=videos,
        video_receive=videos,
        h264=limits(fs, (0,) if single_nal else (0, 1)) if Codec.H264 in videos else None,
        single_nal=single_nal,
        can_send_single_nal=can_send_single_nal,
        pictures=1 if videos else 0,
        video_bps=video_bps,
        forwarded_sounds=False,
        old_size=size,
    )


class Meeting:
    """A room and everything it said last; time goes on by `talk` and `wait` only."""

    def __init__(self, *, mixing: bool = True) -> None:
        self.room = Room(RoomId("4201"), mixing=mixing)
        self.now = 100.0
        self.speakers: list[tuple[float, MemberId | None]] = []
        self.last: dict[tuple[type, MemberId], RoomOutput] = {}

    def tell(self, *events: RoomEvent) -> list[RoomOutput]:
        for event in events:
            self.room.handle(event, self.now)
        return self._listen()

    def join(
        self,
        name: str,
        capability: Capability,
        *,
        picture: Codec | None = Codec.H264,
        sound: Codec | None = None,
    ) -> list[RoomOutput]:
        member = MemberId(name)
        protocol = Protocol.WEBRTC if capability.forwarded_sounds else Protocol.SIP
        if sound is None:
            sound = Codec.OPUS if Codec.OPUS in capability.audio_send else Codec.G722
        events: list[RoomEvent] = [MemberJoined(member, name.title(), protocol, capability)]
        if picture is not None:
            events.append(PictureStarted(member, picture))
        events.append(SoundStarted(member, sound))
        return self.tell(*events)

    def talk(self, seconds: float, **levels: int) -> list[RoomOutput]:
        """Let time pass, hearing these members this loud and all others silent."""
        outputs = []
        for _ in range(round(seconds * 10)):
            self.now = round(self.now + 0.1, 3)
            heard = tuple((m, levels.get(m, 127)) for m in self.room.members)
            self.room.tick(self.now)
            self.room.handle(LevelsMeasured(heard), self.now)
            outputs += self._listen()
        return outputs

    def sees(self, viewer: str) -> list[str | None]:
        shown = self.last[ShowPictures, MemberId(viewer)]
        assert isinstance(shown, ShowPictures)
        return list(shown.shown)

    def hears(self, listener: str) -> PlaySounds:
        played = self.last[PlaySounds, MemberId(listener)]
        assert isinstance(played, PlaySounds)
        return played

    def sends(self, member: str) -> SendPicture:
        sent = self.last[SendPicture, MemberId(member)]
        assert isinstance(sent, SendPicture)
        return sent

    def _listen(self) -> list[RoomOutput]:
        outputs = list(self.room.poll())
        for output in outputs:
            match output:
                case ShowPictures():
                    self.last[ShowPictures, output.viewer] = output
                case PlaySounds():
                    self.last[PlaySounds, output.listener] = output
                case SendPicture():
                    self.last[SendPicture, output.member] = output
                case SpeakerChanged():
                    self.speakers.append((self.now, output.member))
        return outputs
