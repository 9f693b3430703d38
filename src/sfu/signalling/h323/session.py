"""The media of one call: its H.245 on one side, session descriptions on the other.

::

    octets of H.245 --> receive --> Control --> facts --> the call
    description ------> set_ours ----^    |---> octets of H.245 --> whatever carries them
    description <------ described <-------/
"""

from collections.abc import Callable, Iterator

from sfu.signalling.h323 import h245_per
from sfu.signalling.h323.control import Control
from sfu.signalling.h323.description import Ours, describe
from sfu.signalling.h323.fact import Fact
from sfu.signalling.h323.standing import Standing
from sfu.signalling.sdp.bandwidth import video_limit_bps
from sfu.signalling.sdp.session import parse


class Session:
    """What was agreed, and the H.245 that agrees on it; nothing before both sides may talk."""

    def __init__(self, fresh: Callable[[], int]) -> None:
        """Wait for a description of ours; `fresh` gives random numbers of 24 bits."""
        self._fresh = fresh
        self._standing = Standing()
        self._ours: Ours | None = None
        self._flowing: set[str] = set()
        """Media we last described as the peer's."""
        self._control: Control | None = None
        self._version = 0
        self._limit_bps = 0

    @property
    def begun(self) -> bool:
        """Whether H.245 goes on."""
        return self._control is not None

    @property
    def deadline(self) -> float | None:
        """When time matters to it next."""
        return self._control.deadline if self._control is not None else None

    def begin(self, now: float) -> None:
        """Talk, once."""
        if self._control is None and self._ours is not None:
            self._control = Control(self._ours, self._fresh)
            self._control.begin(now)

    def begin_again(self, now: float) -> None:
        """Talk from the start: nothing of what was said has been heard."""
        self._control = None
        self.begin(now)

    def tick(self, now: float) -> None:
        """Let time pass."""
        if self._control is not None:
            self._control.tick(now)

    def receive(self, octets: bytes, now: float) -> None:
        """Take one message; raise PeerError for what is none."""
        if self._control is not None:
            self._control.receive(h245_per.read(octets), now)

    # ---- what the call wants

    def set_ours(self, description: bytes, now: float) -> None:
        """Take in what we take and send."""
        self._ours = self._standing.take(parse(description), self._flowing)
        if self._control is not None:
            self._control.set_ours(self._ours, now)

    def limit(self) -> None:
        """Say by flowControlCommand what our description allows a picture."""
        if self._ours is None or self._control is None:
            return
        ours = self._ours.session
        video = next((one for one in ours.media if one.media == "video" and one.port), None)
        bps = video_limit_bps(ours, video, sound=True) if video is not None else 0
        if bps and bps != self._limit_bps and self._control.limit(bps):
            self._limit_bps = bps

    def ask_picture(self) -> None:
        """Wish for a key frame."""
        if self._control is not None:
            self._control.ask_picture()

    def probe(self, now: float) -> None:
        """Ask whether the peer lives."""
        if self._control is not None:
            self._control.probe(now)

    def close(self) -> tuple[bytes, ...]:
        """End the talk; return the last messages of it."""
        if self._control is None:
            return ()
        self._control.close()
        list(self._control.facts())
        return tuple(self.messages())

    # ---- what it yields

    def messages(self) -> Iterator[bytes]:
        """Yield what to send, oldest first."""
        if self._control is not None:
            for message in self._control.messages():
                yield h245_per.write(message)

    def facts(self) -> Iterator[Fact]:
        """Yield what happened, oldest first."""
        if self._control is not None:
            yield from self._control.facts()

    def described(self, host: str) -> bytes:
        """Return what flows now as the description a peer at this host would have sent."""
        assert self._control is not None
        assert self._ours is not None
        self._version += 1
        event = self._control.telephone_event
        flows, ours = self._control.flows(), self._ours.session
        described = describe(flows, ours, host, self._version, event)
        self._flowing = {one.media for one in described.media if one.port}
        return bytes(described)
