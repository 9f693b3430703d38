"""A camera in three layers that does what it is told, to the byte."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

FPS, CLOCK_HZ = 25, 90_000
PART_BYTES = 1_100
DESCRIPTOR = 4
"""Bytes of each packet's VP8 descriptor (RFC 7741), picture id of 15 bits."""


@dataclass
class Layer:
    """One size of the picture; `frames` are a loop that begins with its key frame."""

    rid: str
    ssrc: int
    height: int
    frames: list[bytes]
    max_bps: int = 0
    sequence: int = 0
    packets: int = 0
    octets: int = 0
    _place: int = 0
    _picture: int = 0
    _credit: float = 0.0

    def obey(self, max_bps: int) -> None:
        """Send so much payload, bit/s; 0: nothing.  Who begins anew begins with a key frame."""
        if max_bps and not self.max_bps:
            self.wish()
        self.max_bps = max_bps

    def wish(self) -> None:
        """Make the next picture a key frame."""
        self._place, self._credit = 0, min(self._credit, 0.0)

    def picture(self) -> Iterator[tuple[bytes, bool]]:
        """Return the next picture's payloads, each with its marker; none while it is off.

        What a picture lacks of its share of the rate is filled with zeros behind it: no decoder
        reads on there.  A key frame is paid back by the pictures behind it.
        """
        if not self.max_bps:
            return
        coded = self.frames[self._place]
        self._place = (self._place + 1) % len(self.frames)
        self._picture = (self._picture + 1) & 0x7FFF
        self._credit += self.max_bps / 8 / FPS
        count = max(math.ceil(max(self._credit, len(coded)) / PART_BYTES), 1)
        size = max(len(coded), int(self._credit) - count * DESCRIPTOR)
        self._credit -= size + count * DESCRIPTOR
        data = coded + bytes(size - len(coded))
        step = math.ceil(len(data) / count)
        for at in range(0, len(data), step):
            first = 0x90 if at == 0 else 0x80
            head = bytes([first, 0x80, 0x80 | self._picture >> 8, self._picture & 0xFF])
            part = head + data[at : at + step]
            self.packets += 1
            self.octets += len(part)
            yield part, at + step >= len(data)


@dataclass
class Camera:
    """All layers of one picture."""

    layers: list[Layer] = field(default_factory=list)

    def obey(self, camera: Mapping[str, Any]) -> None:
        """Do as the message `send` says."""
        asked = {one["rid"]: one for one in camera["layers"]}
        for layer in self.layers:
            one = asked.get(layer.rid)
            active = camera["active"] and one is not None and one["active"]
            layer.obey(one["max_bps"] if one is not None and active else 0)

    def wish(self, ssrc: int) -> None:
        """Take a wish for a key frame."""
        for layer in self.layers:
            if layer.ssrc == ssrc:
                layer.wish()
