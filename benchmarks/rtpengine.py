"""rtpengine from Debian as a forwarder: one publisher, N subscribers, by its NG protocol.

Userspace forwarding only (``--table=-1``), four threads, for one pinned thread alone drops at its
guard of 50 packets in a queue.  It publishes sound only (10.5: "no media stream" for a picture), so
the packets are called sound; it looks at nothing behind their headers.
"""

import os
import re
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.child import pinned
from sfu.media.connect import sdes
from sfu.model import Keys

NG_PORT, FIRST_PORT = 22222, 40000
PATIENCE_S = 5.0
SDP = """v=0\r
o=- 1 1 IN IP4 127.0.0.1\r
s=-\r
c=IN IP4 127.0.0.1\r
t=0 0\r
m=audio {port} {profile} 31\r
a=rtpmap:31 PCMU/8000\r
a=rtcp-mux\r
a={direction}\r
"""
CRYPTO = re.compile(r"a=crypto:(.+?)\s*$", re.MULTILINE)


def bencode(value: object) -> bytes:
    """Write strings, numbers, lists and dictionaries."""
    match value:
        case str():
            return bencode(value.encode())
        case bytes():
            return b"%d:%b" % (len(value), value)
        case int():
            return b"i%de" % value
        case dict():
            return b"d%be" % b"".join(bencode(k) + bencode(value[k]) for k in sorted(value))
        case list():
            return b"l%be" % b"".join(map(bencode, value))
        case _:
            raise AssertionError(f"{value!r} has no place in bencode")


def bdecode(packed: bytes) -> Any:
    """Read what `bencode` writes."""
    value, _ = _decode(packed, 0)
    return value


def _decode(packed: bytes, at: int) -> tuple[Any, int]:
    match packed[at : at + 1]:
        case b"i":
            end = packed.index(b"e", at)
            return int(packed[at + 1 : end]), end + 1
        case b"l" | b"d" as kind:
            items, at = [], at + 1
            while packed[at : at + 1] != b"e":
                item, at = _decode(packed, at)
                items.append(item)
            pairs = zip(items[::2], items[1::2], strict=True) if kind == b"d" else None
            return (items if pairs is None else dict(pairs)), at + 1
        case _:
            colon = packed.index(b":", at)
            end = colon + 1 + int(packed[at:colon])
            return packed[colon + 1 : end].decode(), end


class Control:
    """Speaks to one rtpengine."""

    def __init__(self) -> None:
        """Open a socket to it."""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(PATIENCE_S)
        self._socket.connect(("127.0.0.1", NG_PORT))
        self._cookies = 0

    def ask(self, command: str, **words: object) -> dict[str, Any]:
        """Give one order; underscores in names stand for blanks or hyphens."""
        self._cookies += 1
        cookie = f"{os.getpid()}{self._cookies} ".encode()
        named = {_name(key): value for key, value in words.items()}
        self._socket.send(cookie + bencode({"command": command, **named}))
        answer: dict[str, Any] = bdecode(self._socket.recv(65536).split(b" ", 1)[1])
        assert answer["result"] in ("ok", "pong"), (command, answer)
        return answer

    def wait(self) -> None:
        """Wait until it answers."""
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                self.ask("ping")
                return
            except ConnectionRefusedError:
                assert time.monotonic() < end, "rtpengine does not answer"
                time.sleep(0.05)


def _name(key: str) -> str:
    return key.replace("_", "-")


def _sdp(port: int, direction: str, keys: Keys | None, tag: int = 1) -> str:
    profile = "RTP/AVP" if keys is None else "RTP/SAVP"
    text = SDP.format(port=port, profile=profile, direction=direction)
    if keys is not None:
        text += f"a=crypto:{sdes.compose(sdes.Crypto(tag, keys))}\r\n"
    return text


def _port(sdp: str) -> int:
    found = re.search(r"m=audio (\d+) ", sdp)
    assert found, sdp
    return int(found[1])


@contextmanager
def serving(
    directory: Path, keys: Keys | None, core: int, ports: Sequence[int]
) -> Iterator[tuple[int, int, Keys | None]]:
    """Give its process, the port that takes the source, and the first sink's keys."""
    command = ["rtpengine", "--foreground", "--table=-1", "--num-threads=4", "--log-level=3"]
    command += ["--interface=127.0.0.1", f"--listen-ng=127.0.0.1:{NG_PORT}", "--delete-delay=0"]
    command += [f"--port-min={FIRST_PORT}", f"--port-max={FIRST_PORT + 2000}", "--log-stderr"]
    with pinned(command, core, directory / "rtpengine.log") as process:
        control = Control()
        control.wait()
        offer = _sdp(ports[0], "sendonly", keys)
        call = {"call_id": "bench", "from_tag": "source"}
        published = control.ask("publish", **call, sdp=offer)
        first: Keys | None = None
        for number, port in enumerate(ports[1:]):
            asked, tag = control.ask("subscribe request", **call), 1
            if keys is not None:
                theirs = _crypto(asked["sdp"], keys)
                tag, first = theirs.tag, first if number else theirs.keys
            answer = _sdp(port, "recvonly", keys, tag)
            control.ask("subscribe answer", call_id="bench", to_tag=asked["to-tag"], sdp=answer)
        yield process.pid, _port(published["sdp"]), first


def _crypto(sdp: str, wanted: Keys) -> sdes.Crypto:
    """Return what it will send with: of the suite its source has, or we measure another."""
    for line in CRYPTO.findall(sdp):
        crypto = sdes.parse(line)
        if crypto is not None and crypto.keys.suite is wanted.suite:
            return crypto
    raise AssertionError(sdp)
