"""Somebody behind a line: a microphone, ears, eyes; `browser.py` and `codec.py` are the kinds."""

import random
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from sfu.media.bwe import Reported
from sfu.model import MemberId, SinkId, SourceId, TransportId
from tests.scenarios.clock import Clock
from tests.scenarios.ear import Ear
from tests.scenarios.eye import Eye
from tests.scenarios.packet import Packet, What
from tests.scenarios.path import Path

if TYPE_CHECKING:
    from tests.scenarios.engine import Engine

SOUND_US = 20_000
LOOK_US = 20_000


@dataclass
class Member:
    """What all have in common; the way up and the way down of its site."""

    name: MemberId
    site: int
    clock: Clock
    up: Path
    down: Path
    engine: "Engine"
    dice: random.Random
    transport: TransportId
    sound_source: SourceId
    joined_us: int = 0
    headers_bytes: int = 0
    sound_bytes: int = 0
    eyes: dict[SinkId, Eye] = field(default_factory=dict)
    silent: bool = False
    """No voice of its own: slides."""
    _lost_up: int = 0

    is_browser = False

    def __post_init__(self) -> None:
        self.ear = Ear(fec=self.is_browser)

    def join(self) -> None:
        """Come in and speak."""
        self.joined_us = self.clock.now_us
        if not self.silent:
            phase_us = self.dice.randrange(SOUND_US)
            self.clock.every(SOUND_US, self._speak, self.clock.now_us + phase_us)
        self.clock.every(LOOK_US, self._look, self.clock.now_us + self.dice.randrange(LOOK_US))

    def watch(self, sink: SinkId) -> Eye:
        """Have one more place for a picture."""
        self.eyes[sink] = Eye(sink, nacks=self.is_browser, wanted_us=self.clock.now_us)
        return self.eyes[sink]

    def _speak(self) -> None:
        packet = Packet(What.SOUND, self.sound_source, self.sound_bytes, self.clock.now_us)
        self.up.carry(self.sound_bytes + self.headers_bytes, self._spoken, packet)

    def _spoken(self, arrival: int | None, packet: Packet) -> None:
        if arrival is not None:
            self.clock.at(arrival, self.engine.receive, self, packet)
        else:
            self._lost_up += 1

    def up_lost(self) -> int:
        """Count what was lost on the way up since the last call: gaps the server sees."""
        lost, self._lost_up = self._lost_up, 0
        return lost

    def reception(self, delays_us: list[int]) -> Reported:
        """Sum up, as a receiver report does, how sound came since the one before."""
        came = [one for one in delays_us if one >= 0]
        loss = 1 - len(came) / len(delays_us)
        swing = sum(abs(a - b) for a, b in pairwise(came)) / max(len(came), 1)
        rtt_us = (came[-1] if came else 0) + self.down.delay_us + self.up.delay_us
        rtt_us += self.up.lines[0].queue_us(self.clock.now_us)
        return Reported(self.transport, loss, swing / 1e6, rtt_us / 1e6)

    def _look(self) -> None:
        """Put together what has come, ask for what has not."""
        now_us = self.clock.now_us
        for eye in self.eyes.values():
            if not eye.arrivals and not eye.waits:
                continue
            sequences, wish = eye.look(now_us)
            if sequences:
                self.report(60 + 4 * len(sequences), self.engine.nack, eye.sink, sequences)
            if wish:
                self.report(60, self.engine.wish, eye.sink)

    def report(self, ip_bytes: int, call, *args) -> None:
        """Send RTCP; the engine is called when it has arrived."""
        self.up.carry(ip_bytes, self._reported, call, args)

    def _reported(self, arrival: int | None, call, args) -> None:
        if arrival is not None:
            self.clock.at(arrival, call, *args)

    def send_picture(self, packet: Packet, tries: int = 0) -> None:
        """Send one packet of a picture up; a browser repairs what the line destroys."""
        size = packet.payload_bytes + self.headers_bytes
        self.up.carry(size, self._picture_carried, packet, tries)

    def _picture_carried(self, arrival: int | None, packet: Packet, tries: int) -> None:
        if arrival is not None:
            self.clock.at(arrival, self.engine.receive, self, packet)
            return
        self._lost_up += 1
        if self.is_browser and tries < 5:
            again_us = self.clock.now_us + 2 * self.up.delay_us + 30_000
            self.clock.at(again_us, self.send_picture, packet, tries + 1)
