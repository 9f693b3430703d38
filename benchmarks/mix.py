"""The mixer against the bare codec calls it cannot do without, in one run.

    python -m benchmarks.mix [LEGS]

Rooms of five, everybody speaks, each leg hears the other four: the worst case, nothing is shared
and nobody silent.  `bare` decodes and encodes one 20 ms payload per leg and does nothing else.
CPU time of this thread, so a busy machine shows less than with a wall clock.
"""

import struct
import sys
import time
from collections.abc import Callable

import numpy as np

from sfu.media.mix import FRAME, RATE_HZ, Samples
from sfu.model import Codec, Ssrc
from sfu.worker.codec import decoder, encoder
from sfu.worker.mixer import COARSE, FEW, FINE, TICK_S, Mixer
from sfu.worker.protocol import PAYLOAD_TYPES, SetInput, SetLeg

ROOM = 5
WARM, TICKS = 20, 100
_HEADER = struct.Struct(">BBHII")


def sound(count: int) -> list[Samples]:
    """Return frames of a tone in noise, which no codec finds easy."""
    place = np.arange(count * FRAME)
    noise = np.random.default_rng(1).normal(0, 300, len(place))
    wave = 5000 * np.sin(2 * np.pi * 310 * place / RATE_HZ) + noise
    return list(np.rint(wave).astype(np.int16).reshape(count, FRAME))


def complexity(leg: int) -> int:
    """Return what the mixer gives the n-th encoder."""
    return FINE if leg < FEW else COARSE


def bare(codec: Codec, legs: int, payloads: list[bytes], frames: list[Samples]) -> float:
    """Return CPU seconds a tick of the codecs alone."""
    pairs = [(decoder(codec), encoder(codec, 20, complexity(leg))) for leg in range(legs)]

    def tick(number: int) -> None:
        for decode, encode in pairs:
            decode.decode(payloads[number])
            encode.encode(frames[number])

    return timed(tick)


def mixed(codec: Codec, legs: int, payloads: list[bytes]) -> float:
    """Return CPU seconds a tick of the whole mixer, RTP in and RTP out."""
    mixer = Mixer()
    for own in range(legs):
        room = range(own // ROOM * ROOM, min(legs, (own // ROOM + 1) * ROOM))
        others = frozenset(Ssrc(1 + other) for other in room if other != own)
        mixer.apply(SetInput(Ssrc(1 + own)), 0.0)
        mixer.apply(SetLeg(own, Ssrc(10_000 + own), codec, 20, others), 0.0)

    def tick(number: int) -> None:
        now = TICK_S * number
        stamp = number * codec.clock_hz // 50
        for own in range(legs):
            header = _HEADER.pack(0x80, PAYLOAD_TYPES[codec], number, stamp, 1 + own)
            mixer.receive(header + payloads[number], now)
        assert sum(1 for _ in mixer.tick(now + 0.001)) == legs

    return timed(tick)


def idle(codec: Codec, legs: int) -> float:
    """Return CPU seconds a tick when nobody sends."""
    mixer = Mixer()
    mixer.apply(SetInput(Ssrc(1)), 0.0)
    for own in range(legs):
        mixer.apply(SetLeg(own, Ssrc(10_000 + own), codec, 20, frozenset({Ssrc(1)})), 0.0)

    def tick(number: int) -> None:
        assert sum(1 for _ in mixer.tick(TICK_S * number)) == legs

    return timed(tick)


def timed(tick: Callable[[int], None]) -> float:
    """Return CPU seconds of the mean tick after warming up."""
    for number in range(WARM):
        tick(number)
    began = time.thread_time()
    for number in range(WARM, WARM + TICKS):
        tick(number)
    return (time.thread_time() - began) / TICKS


def main() -> None:
    """Print a line per codec."""
    legs = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    frames = sound(WARM + TICKS)
    print(f"{legs} legs in rooms of {ROOM}, us of CPU per leg and 20 ms")
    print("codec    bare    mix   ratio   part of a core   idle")
    for codec in (Codec.G722, Codec.PCMA, Codec.OPUS):
        source = encoder(codec, 20, FINE)
        payloads = [source.encode(frame) for frame in frames]
        reference, ours = bare(codec, legs, payloads, frames), mixed(codec, legs, payloads)
        at_rest = idle(codec, legs)
        print(
            f"{codec.name:5} {1e6 * reference / legs:7.1f} {1e6 * ours / legs:6.1f}"
            f" {ours / reference:7.2f} {ours / TICK_S:14.0%} {1e6 * at_rest / legs:8.1f}"
        )


if __name__ == "__main__":
    main()
