"""The engine as a server under test: rooms of one source and N receivers behind some ports.

    python -m benchmarks.engine_server gcm|cm|plain THREADS PORTS SOURCE,SINK,SINK... SOURCE,SINK...

prints its ports, one or one for each room, forwards until its input ends.  It does all it does in a
meeting: RTX, history, send-time log, abs-send-time, a line that counts.
"""

import os
import socket
import sys
from collections.abc import Iterator
from dataclasses import replace

from sfu.media.engine.command import (
    Command,
    Extensions,
    OpenSocket,
    OpenTransport,
    SetKeys,
    SetLine,
    SetRoute,
    SetSink,
    SetSource,
)
from sfu.model import (
    Address,
    Codec,
    Framing,
    Keys,
    Kind,
    Latch,
    LineId,
    SinkId,
    SocketId,
    SourceId,
    SrtpSuite,
    Ssrc,
    TransportId,
)
from sfu.shell.engine import Engine

KEY = b"bench master key"
KEYS = {
    "gcm": Keys(SrtpSuite.AEAD_AES_128_GCM, KEY, b"bench  salt\0"),
    "cm": Keys(SrtpSuite.AES_CM_128_HMAC_SHA1_80, KEY, b"bench  salt\0\0\0"),
}
"""By mode; everybody's, for no SSRC comes twice."""
HISTORY = 512
H261, RTX = 31, 99
SOCKET, LINE = SocketId(1), LineId(1)


def room(number: int, mode: str, ports: list[int], port: SocketId = SOCKET) -> Iterator[Command]:
    """Open one source and its receivers; rooms count from 1, and keep to a thread each."""
    first = 1000 * number
    for place, remote in enumerate(ports):
        transport, sends = TransportId(first + place), place > 0
        yield OpenTransport(
            transport, port, port, Address("127.0.0.1", remote), None, Latch.FIXED,
            mode in KEYS,
            extensions=Extensions(transport_cc=5, abs_send_time=4) if sends else Extensions(),
            line=None, group=number % 256,
        )  # fmt: skip
        if mode in KEYS:
            yield SetKeys(transport, sends, KEYS[mode])
    payloads = ((H261, Codec.H261),)
    source = SourceId(first)
    yield SetSource(source, TransportId(first), Kind.VIDEO, None, payloads, 90_000)
    for place in range(1, len(ports)):
        yield SetSink(
            SinkId(first + place), TransportId(first + place), Kind.VIDEO, Ssrc(first + place),
            ((Codec.H261, H261),), 90_000, rtx_ssrc=Ssrc(500_000 + first + place),
            rtx_payloads=((H261, RTX),), history=HISTORY,
        )  # fmt: skip
        yield SetRoute(SinkId(first + place), source)


def count_on_a_line(command: Command) -> Command:
    """Put a receiver behind a line that counts."""
    if isinstance(command, OpenTransport) and command.extensions.transport_cc:
        return replace(command, line=LINE)
    return command


def main(mode: str, threads: int, ports: int, *rooms: str) -> None:
    """Serve until nobody listens."""
    os.environ.pop("PYTHONPATH", None)
    engine, shown = Engine(threads), []
    engine.apply(SetLine(LINE, 0, Framing.PLAIN, 0))
    for place in range(ports):
        shared = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        shared.bind(("127.0.0.1", 0))
        shown.append(shared.getsockname()[1])
        engine.apply(OpenSocket(SocketId(SOCKET + place), shared.detach()))
    for place, words in enumerate(rooms):
        port = SocketId(SOCKET + place % ports)
        commands = list(room(place + 1, mode, [int(word) for word in words.split(",")], port))
        if len(rooms) == 1:  # a line lives on one thread
            commands = list(map(count_on_a_line, commands))
        engine.apply(*commands)
    print(*shown, flush=True)
    sys.stdin.read()
    engine.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
