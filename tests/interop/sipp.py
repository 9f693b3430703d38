"""SIPp: many calls, and texts no softphone would send; its exit code is the verdict."""

import asyncio
import shutil
import socket
import struct
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.interop import fixtures
from tests.interop.fixtures import Identity

SCENARIOS = Path(__file__).parent / "scenarios"


@dataclass(frozen=True)
class Outcome:
    """What SIPp said at its end."""

    code: int
    successful: int
    failed: int
    text: str


def lay_out(folder: Path, who: Identity, *, rooms: list[str]) -> None:
    """Put scenarios, media and the table of rooms where SIPp finds them."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in SCENARIOS.glob("*.xml"):
        shutil.copy(path, folder)
    (folder / "rooms.csv").write_text("SEQUENTIAL\n" + "".join(f"{room};\n" for room in rooms))
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", "-t", "10", "-i", fixtures.tone_wav(who, 16000),
         "-c:a", "g722", "-f", "g722", folder / "sound.g722"],
        check=True,
    )  # fmt: skip
    write_pcap(folder / "picture.pcap", record_rtp(fixtures.picture_mp4(who, 20), seconds=6))


def record_rtp(video: Path, seconds: float) -> list[tuple[float, bytes]]:
    """Return (time in s, RTP packet) of a file sent in real time: H.264 as payload type 97."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(1.5)
        sender = subprocess.Popen(
            ["ffmpeg", "-v", "error", "-re", "-t", str(seconds), "-i", str(video), "-an",
             "-c", "copy", "-bsf:v", "h264_mp4toannexb", "-payload_type", "97",
             "-f", "rtp", f"rtp://127.0.0.1:{sock.getsockname()[1]}?pkt_size=1200"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        packets = []
        try:
            while True:
                packets.append((time.monotonic(), sock.recv(2048)))
        except TimeoutError:
            pass
        finally:
            sender.wait()
    return [(at - packets[0][0], data) for at, data in packets if data[1] & 0x7F == 97]


def write_pcap(path: Path, packets: list[tuple[float, bytes]]) -> None:
    """Write RTP packets as Ethernet, IPv4 and UDP, as SIPp replays them."""
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for at, data in packets:
            udp = struct.pack("!HHHH", 6000, 6000, len(data) + 8, 0) + data
            head = struct.pack("!BBHHHBBH", 0x45, 0, len(udp) + 20, 0, 0, 64, 17, 0)
            address = socket.inet_aton("127.0.0.1")
            frame = bytes(12) + b"\x08\x00" + head + address + address + udp
            seconds = int(at)
            micros = int((at - seconds) * 1e6)
            file.write(struct.pack("<IIII", seconds, micros, len(frame), len(frame)) + frame)


async def run(folder: Path, target: str, scenario: str, *options: str, seconds: float) -> Outcome:
    """Run one scenario to its end; count its calls."""
    process = await asyncio.create_subprocess_exec(
        "sipp", target, "-sf", f"{scenario}.xml", "-inf", "rooms.csv", "-nostdin",
        "-trace_err", "-trace_screen", "-screen_file", "screen.txt", *options,
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        output, _ = await asyncio.wait_for(process.communicate(), seconds)
    except TimeoutError:
        process.kill()
        output, _ = await process.communicate()
    text = output.decode(errors="replace")
    screen = folder / "screen.txt"
    if screen.exists():
        text += screen.read_text(errors="replace")
    code = process.returncode if process.returncode is not None else -1
    return Outcome(code, _last(text, "Successful call"), _last(text, "Failed call"), text)


def _last(text: str, label: str) -> int:
    """Return the cumulative count of a line of SIPp's closing screen."""
    rows = [line for line in text.splitlines() if label in line]
    return int(rows[-1].split("|")[-1].strip()) if rows else -1
