"""H.263 and H.261 of a real encoder (ffmpeg) in RTP, and back into something that decodes."""

import contextlib
import functools
import socket
import struct
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import av
import numpy as np

from tests.interop import fixtures, hearing
from tests.interop.fixtures import Identity


@dataclass(frozen=True, slots=True)
class Old:
    """One of the codecs rooms had before H.264."""

    pt: int
    encoding: str
    encoder: str
    decoder: str
    flags: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Name it."""
        return self.encoding


H263 = Old(34, "H263", "h263", "h263", ("-mb_info", "1180", "-rtpflags", "rfc2190"))
H263_1998 = Old(96, "H263-1998", "h263p", "h263")
H261 = Old(31, "H261", "h261", "h261", ("-strict", "experimental"))


@functools.cache
def packets(who: Identity, old: Old) -> list[tuple[float, bytes]]:
    """Return (time in s, RTP packet) of eight seconds of CIF, an intra picture every two."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(1.5)
        encoder = subprocess.Popen(
            ["ffmpeg", "-v", "error", "-t", "8", "-i", str(fixtures.picture_mp4(who)), "-an",
             "-vf", "scale=352:288", "-c:v", old.encoder, "-g", "50", "-b:v", "300k",
             "-payload_type", str(old.pt), *old.flags,
             "-f", "rtp", f"rtp://127.0.0.1:{sock.getsockname()[1]}?pkt_size=1200"],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        found: list[bytes] = []
        more = True
        while more:
            more = encoder.poll() is None
            with contextlib.suppress(TimeoutError):
                while True:
                    found.append(sock.recv(2048))
    found = [data for data in found if data[1] & 0x7F == old.pt]
    first = struct.unpack_from("!I", found[0], 4)[0]
    return [
        ((struct.unpack_from("!I", data, 4)[0] - first) % 2**32 / 90_000, data) for data in found
    ]


def pictures(payloads: Iterable[bytes], old: Old) -> list[av.VideoFrame]:
    """Return what decodes, up to the first that does not."""
    decoder = cast(av.VideoCodecContext, av.CodecContext.create(old.decoder, "r"))
    frames: list[av.VideoFrame] = []
    with contextlib.suppress(av.FFmpegError):
        for packet in decoder.parse(_stream(payloads, old)) + decoder.parse(None):
            frames += decoder.decode(packet)
    return frames


def picture(payloads: Iterable[bytes], old: Old) -> str:
    """Return whose picture came last, "" for none that decodes."""
    frames = pictures(payloads, old)
    if not frames:
        return ""
    pixels = frames[-1].to_ndarray(format="rgb24")
    return hearing.nearest(np.median(pixels.reshape(-1, 3), axis=0))


def _stream(payloads: Iterable[bytes], old: Old) -> bytes:
    """Undo the packetization; bytes two packets share are joined (SBIT, EBIT)."""
    out = bytearray()
    for payload in payloads:
        if old is H263_1998:
            out += (bytes(2) if payload[0] & 4 else b"") + payload[2:]
            continue
        if old is H261:
            skip, head = payload[0] >> 5, 4
        else:
            skip = payload[0] >> 3 & 7
            head = 4 if not payload[0] & 0x80 else 12 if payload[0] & 0x40 else 8
        body = bytearray(payload[head:])
        if skip and out and body:
            out[-1] = out[-1] & (0xFF << 8 - skip & 0xFF) | body.pop(0) & 0xFF >> skip
        out += body
    return bytes(out)
