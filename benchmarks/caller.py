"""The least of a room codec: one SIP call over UDP, and sockets for its media.

It blocks, so that nothing of its own stands between a datagram and the clock.
"""

import itertools
import re
import socket
import struct
import time
from dataclasses import dataclass, field

from sfu.media.connect import sdes
from sfu.model import Keys

HOST = "127.0.0.1"
PCMA, H264 = 8, 97
PATIENCE_S, T1_S = 5.0, 0.5

_numbers = itertools.count(1)


def udp(host: str = HOST) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    sock.bind((host, 0))
    return sock


def port_of(sock: socket.socket) -> int:
    return int(sock.getsockname()[1])


@dataclass
class Path:
    """One m= line's sockets, and where the server wants its packets."""

    payload_type: int
    rtp: socket.socket = field(default_factory=udp)
    rtcp: socket.socket = field(default_factory=udp)
    to: int = 0
    sequence: int = 0

    def send(self, payload: bytes, timestamp: int, *, mark: bool = False) -> None:
        """Send one packet."""
        head = struct.pack(
            "!BBHII", 0x80, mark << 7 | self.payload_type, self.sequence, timestamp,
            0x1000 + self.payload_type,
        )  # fmt: skip
        self.sequence = (self.sequence + 1) & 0xFFFF
        self.rtp.sendto(head + payload, (HOST, self.to))

    def close(self) -> None:
        """Give the sockets back."""
        self.rtp.close()
        self.rtcp.close()


class Caller:
    """One call; `dial`, then media by `audio` and `video`, then `hang_up`."""

    def __init__(
        self, server_port: int, name: str = "bench", host: str = HOST, *, keys: Keys | None = None
    ) -> None:
        """Be ready to call; with keys the picture is encrypted by SDES, and `theirs` are known."""
        self._keys, self.theirs = keys, keys
        self.audio, self.video = (Path(one, udp(host), udp(host)) for one in (PCMA, H264))
        self._server, self._name, self._host = server_port, name, host
        self._socket = udp(host)
        self._socket.settimeout(PATIENCE_S)
        self._call = f"{next(_numbers)}-{port_of(self._socket)}-{time.time_ns()}"
        self._to = ""

    def dial(self, room: str) -> float:
        """Return the seconds from INVITE to 200; the ACK is sent."""
        invite = self._request("INVITE", room, 1, self._offer())
        began = time.perf_counter()
        answer = self._ask(invite, began)
        took_s = time.perf_counter() - began
        if not answer.startswith("SIP/2.0 200"):
            raise ConnectionError(answer.partition("\r\n")[0])
        self._to = re.findall(r"(?mi)^To:.*?(;tag=\S+)", answer)[0]
        self.audio.to = int(re.findall(r"m=audio (\d+)", answer)[0])
        self.video.to = int(re.findall(r"m=video (\d+)", answer)[0])
        if self._keys is not None:
            crypto = sdes.parse(re.findall(r"a=crypto:(.+)\r\n", answer)[0])
            assert crypto is not None
            self.theirs = crypto.keys
        self._room = room
        self._socket.sendto(self._request("ACK", room, 1), (HOST, self._server))
        return took_s

    def hang_up(self) -> None:
        """Say BYE, wait for the answer, give the sockets back."""
        self._socket.sendto(self._request("BYE", self._room, 2), (HOST, self._server))
        self._final()
        self._socket.close()
        self.audio.close()
        self.video.close()

    def _ask(self, invite: bytes, began: float) -> str:
        """Send an INVITE, again after 0.5, 1, 2 s (timer A), until its final answer or patience."""
        pause_s = T1_S
        try:
            while True:
                self._socket.sendto(invite, (HOST, self._server))
                left_s = PATIENCE_S - (time.perf_counter() - began)
                self._socket.settimeout(max(0.001, min(pause_s, left_s)))
                try:
                    return self._final()
                except TimeoutError:
                    if left_s <= pause_s:
                        raise
                pause_s *= 2
        finally:
            self._socket.settimeout(PATIENCE_S)

    def _final(self) -> str:
        """Wait for a final answer; what the server asks meanwhile is not for us."""
        while True:
            text = self._socket.recv(65536).decode()
            if text.startswith("SIP/2.0 ") and not text.startswith("SIP/2.0 1"):
                return text

    def _request(self, method: str, room: str, number: int, body: str = "") -> bytes:
        here = f"{self._host}:{port_of(self._socket)}"
        lines = [
            f"{method} sip:{room}@{HOST}:{self._server} SIP/2.0",
            f"Via: SIP/2.0/UDP {here};rport;branch=z9hG4bK-{self._call}-{method}",
            f'From: "{self._name}" <sip:{self._name}@{here}>;tag={self._call}',
            f"To: <sip:{room}@{HOST}:{self._server}>{self._to}",
            f"Call-ID: {self._call}",
            f"CSeq: {number} {method}",
            f"Contact: <sip:{self._name}@{here}>",
            "Max-Forwards: 70",
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()

    def _offer(self) -> str:
        crypto, profile = [], "RTP/AVP"
        if self._keys is not None:
            crypto, profile = [f"a=crypto:{sdes.compose(sdes.Crypto(1, self._keys))}"], "RTP/SAVP"
        lines = [
            "v=0", f"o=bench 1 1 IN IP4 {self._host}", "s=-", f"c=IN IP4 {self._host}", "t=0 0",
            f"m=audio {port_of(self.audio.rtp)} RTP/AVP {PCMA}",
            f"a=rtpmap:{PCMA} PCMA/8000", f"a=rtcp:{port_of(self.audio.rtcp)}",
            f"m=video {port_of(self.video.rtp)} {profile} {H264}", *crypto,
            f"a=rtpmap:{H264} H264/90000", f"a=rtcp:{port_of(self.video.rtcp)}",
            f"a=fmtp:{H264} profile-level-id=42801f;packetization-mode=1",
            f"a=rtcp-fb:{H264} nack pli", f"a=rtcp-fb:{H264} ccm fir",
        ]  # fmt: skip
        return "\r\n".join(lines) + "\r\n"
