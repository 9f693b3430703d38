"""Who sends and counts under load, and the bare loop as one it is held against."""

import json
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.caller import port_of, udp
from benchmarks.child import pinned
from benchmarks.engine_server import KEYS
from benchmarks.forward import spelled
from benchmarks.machine import PRIORITY
from sfu.model import Keys

SERVER_CORE, DRIVER_CORE, PLAYERS = 0, 1, 5


@dataclass(frozen=True, slots=True)
class Member:
    """One of a meeting: sockets, where the server wants their packets, how its own come."""

    audio: socket.socket
    audio_to: int
    video: socket.socket
    video_to: int
    opening: Keys | None


class Driver:
    """The program of `native/load.c`."""

    def __init__(self, process: subprocess.Popen[str], members: Sequence[Member]) -> None:
        """Tell it the members."""
        self._process = process
        for one in members:
            self._say(
                one.audio.fileno(), one.audio_to, one.video.fileno(), one.video_to,
                spelled(KEYS["gcm"]), spelled(one.opening),
            )  # fmt: skip

    def _say(self, *words: object) -> None:
        assert self._process.stdin
        print(*words, file=self._process.stdin, flush=True)

    def order(self, *words: object) -> None:
        """Begin a run."""
        self._say(*words)

    def told(self) -> dict[str, Any]:
        """Wait for what came of it."""
        assert self._process.stdout
        told: dict[str, Any] = json.loads(self._process.stdout.readline())
        return told


@contextmanager
def driven(
    directory: Path, members: Sequence[Member], burst: int, *, realtime: bool
) -> Iterator[Driver]:
    """Have a driver, and its meter on the server's core."""
    priority = PRIORITY + 1 if realtime else 0
    words = [len(members), burst, SERVER_CORE, priority]
    command = [*at(PLAYERS, realtime), str(directory / "load"), *map(str, words)]
    sockets = [each.fileno() for one in members for each in (one.audio, one.video)]
    with pinned(command, DRIVER_CORE, inherit=sockets) as process:
        yield Driver(process, members)


def at(priority: int, realtime: bool) -> list[str]:
    """Return the words that run a program at a priority, where the engine has one too."""
    return ["chrt", "-f", str(priority)] if realtime else []


@contextmanager
def bare_loop(directory: Path, viewers: int, burst: int, *, realtime: bool) -> Iterator[Driver]:
    """Have the bare loop, and a driver for it; what is said to it nobody hears."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(udp()) for _ in range(2 * (viewers + 1) + 1)]
        ears, audio, video = sockets[0], sockets[1::2], sockets[2::2]
        ports = [str(port_of(each)) for each in video[1:]]
        command = [*at(PRIORITY, realtime), str(directory / "bare"), "gcm", *ports]
        process = stack.enter_context(pinned(command, SERVER_CORE))
        assert process.stdout
        port = int(process.stdout.readline())
        members = [
            Member(sound, port_of(ears), picture, port, KEYS["gcm"])
            for sound, picture in zip(audio, video, strict=True)
        ]
        yield stack.enter_context(driven(directory, members, burst, realtime=realtime))


def joined(turns: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return what was measured in all turns."""
    found: dict[str, Any] = dict(turns[0])
    for turn in turns[1:]:
        for name, value in turn.items():
            if name in ("took", "late", "lay"):
                counts = Counter(dict(found[name]))
                counts.update(dict(value))
                found[name] = sorted(counts.items())
            elif name.endswith("_most"):
                found[name] = max(found[name], value)
            elif name != "begun":
                found[name] = found[name] + value
    return found
