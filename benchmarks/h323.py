"""What H.323 costs: how long until somebody is in, messages a second, and its ASN.1 modules.

    Setup -> Connect           beside a TCP echo of a Setup's size
    Setup -> H.245 settled     H.245 on its own connection, and in the tunnel
    Setup -> first picture     beside the key frame delay of the encoder that was looked at
    messages a second          whole calls between two cores, beside the library alone: each of
                               their messages decoded once and encoded once
    requests a second          RAS: ARQ at a gatekeeper with 100 endpoints, beside the same
    import, memory             of the ASN.1 modules, beside a Python with the server's libraries

The server is the real one, fresh, on ports of its own.  `python -m benchmarks.h323 [ROUNDS]`.
"""

import asyncio
import select
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
from aiortc.codecs.h264 import h264_depayload
from tests.interop.server import Server
from tests.unitstack import Stack, Wire, offer

from benchmarks.call import (
    AIM_ANSWER_MS,
    AIM_PICTURE_MS,
    BASE_PORT,
    LIBRARIES,
    Quiet,
    decodes,
    line,
    pss_mb,
    server_mb,
)
from benchmarks.caller import HOST
from benchmarks.camera import filming
from benchmarks.h323_unit import PATIENCE_S, Unit
from benchmarks.machine import noted
from sfu.model import Address, CallId
from sfu.signalling.call import CallEnded, Dial, End, HangUp
from sfu.signalling.h323 import h225, per, q931, ras
from sfu.signalling.h323.alias import Alias
from sfu.signalling.h323.gatekeeper import Gatekeeper
from sfu.signalling.h323.per import Pdu
from sfu.signalling.h323.rasread import read
from sfu.signalling.h323.raswrite import write
from sfu.signalling.h323.tpkt import Framer
from sfu.signalling.h323.zonefact import Datagram, Heard, Questions

ROUNDS = 30
SETUP_OCTETS = 250
CALLS, REQUESTS, ENDPOINTS = 60, 400, 100
ECHO = (
    "import socket; s = socket.create_server(('127.0.0.1', 0))"
    "\nprint(s.getsockname()[1], flush=True)"
    "\nwhile True:\n c, _ = s.accept()\n while d := c.recv(65536): c.sendall(d)"
)
LOADING = "from sfu.signalling.h323 import per; import sfu.signalling.h323.useragent, " \
    "sfu.signalling.h323.gatekeeper; per.load()"  # fmt: skip


# ---- calls


def echoes(rounds: int) -> list[float]:
    """Connect to a process that does nothing else, say as much as a Setup, and hear it again."""
    process = subprocess.Popen([sys.executable, "-c", ECHO], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    port, took_ms = int(process.stdout.readline()), []
    for _ in range(rounds):
        began = time.perf_counter()
        with socket.create_connection((HOST, port)) as sock:
            sock.sendall(bytes(SETUP_OCTETS))
            sock.recv(2048)
            took_ms.append(1000 * (time.perf_counter() - began))
        time.sleep(0.02)
    process.kill()
    process.wait()
    return took_ms


def answers(port: int, rounds: int, *, tunnelling: bool) -> tuple[list[float], list[float]]:
    """Return the ms from Setup to Connect, and until H.245 settled, of calls one after another."""
    connects, settles = [], []
    for number in range(rounds):
        unit = Unit(tunnelling=tunnelling)
        unit.dial(port, str(4300 + number % 3))
        connects.append(1000 * (unit.connect_at - unit.setup_at))
        settles.append(1000 * (unit.settled_at - unit.setup_at))
        unit.hang_up()
        time.sleep(0.05)
    return connects, settles


def picture(port: int, room: str) -> float:
    """Call in; return the ms from Setup until a picture was decoded."""
    unit, decoder = Unit(), av.CodecContext.create("h264", "r")
    unit.dial(port, room)
    frame = b""
    while time.perf_counter() - unit.setup_at < PATIENCE_S:
        unit.turn(0)
        if not select.select([unit.video], [], [], 0.01)[0]:
            continue
        packet = unit.video.recv(2048)
        frame += h264_depayload(packet[12:])
        if packet[1] & 0x80:
            if decodes(decoder, frame):
                took_ms = 1000 * (time.perf_counter() - unit.setup_at)
                unit.hang_up()
                return took_ms
            frame = b""
    raise TimeoutError("no picture was decoded")


def calls(server: Server, rounds: int) -> None:
    port, bare = server.base + 5, echoes(rounds)
    for tunnelling, way in ((False, "its own connection"), (True, "the tunnel")):
        connects, settles = answers(port, rounds, tunnelling=tunnelling)
        if not tunnelling:
            line("Setup -> Connect", connects, "TCP connect and echo", bare, AIM_ANSWER_MS)
        line("Setup -> H.245 settled", settles, f"TCP echo; H.245 by {way}", bare, AIM_ANSWER_MS)
    with filming(server.sip_port, "4201") as delays_ms:
        time.sleep(2)
        took_ms = []
        for _ in range(rounds):
            took_ms.append(picture(port, "4201"))
            time.sleep(0.6)  # two wishes for a key frame are never closer than 0.5 s
    line("Setup -> first picture", took_ms, "the encoder's key frame, when asked", delays_ms,
         AIM_PICTURE_MS)  # fmt: skip


# ---- messages


def call_between_cores(number: int) -> list[bytes]:
    """Play one call from Setup to ReleaseComplete; return all that was said, framed."""
    one, other = Stack("192.0.2.1", number), Stack("192.0.2.2", number + 10_000)
    wire = Wire(one, other)
    call = CallId(99)
    wire.order(one, Dial(call, "h323:4201@192.0.2.2", offer(one.host, 30_000), "Bench", "7001"))
    wire.order(one, HangUp(call, End.HUNG_UP))
    assert other.told(CallEnded)
    return [data for _, _, data in wire.said]


def messages(said: list[bytes]) -> list[tuple[Pdu, bytes]]:
    """Return the ASN.1 messages in what was said."""
    found = []
    for data in said:
        for payload in Framer().feed(data):
            if payload[0] != q931.PROTOCOL:
                found.append((Pdu.H245, payload))
            elif (octets := q931.parse(payload).user_user) is not None:
                found.append((Pdu.H225, octets))
                found += [(Pdu.H245, one) for one in h225.read(octets).control]
    return found


def library(pdus: list[tuple[Pdu, bytes]]) -> None:
    """Decode and encode each once."""
    for pdu, octets in pdus:
        per.encode(pdu, per.decode(pdu, octets))


def per_second(what: str, count: int, ours: Callable[[], Any], theirs: Callable[[], Any]) -> None:
    """Print the rate of both over CPU time, and the ratio of their costs."""
    costs = []
    for run in (ours, theirs):
        times = []
        for _ in range(3):
            began = time.process_time()
            run()
            times.append(time.process_time() - began)
        costs.append(statistics.median(times))
    print(
        f"{what:28} {count / costs[0]:8.0f} a second of CPU\n"
        f"    {'the library alone':40} {count / costs[1]:8.0f}  ratio {costs[0] / costs[1]:.2f}",
        flush=True,
    )


def rates() -> None:
    pdus = messages(call_between_cores(1))

    def whole() -> None:
        for number in range(CALLS):
            call_between_cores(number + 1)

    def alone() -> None:
        for _ in range(CALLS):
            library(pdus)

    per_second(f"messages, {len(pdus)} a call", CALLS * len(pdus), whole, alone)
    admissions()


def admissions() -> None:
    """ARQ of a unit among a hundred."""
    house = Questions(
        lambda name: None, lambda name: None, lambda host: True, lambda host, account: True,
        lambda number: number == "4201", lambda host, account: 4_000_000,
    )  # fmt: skip
    numbers = iter(range(1 << 30))
    core = Gatekeeper("sfu", house, lambda size: next(numbers).to_bytes(size))
    us = Address("192.0.2.1", 1719)

    def ask(message: ras.Ras, remote: Address) -> bytes:
        core.handle(Heard(remote, us, write(message), 1.8e9), 0.0)
        return next(one.data for one in core.poll() if isinstance(one, Datagram))

    known = []
    for number in range(ENDPOINTS):
        unit = Address(f"198.51.100.{number}", 1719)
        names = (Alias("dialledDigits", str(7000 + number)),)
        rrq = ras.RegistrationRequest(
            number + 1, (Address(unit.host, 1720),), (unit,), aliases=names
        )
        confirmed, _ = read(ask(rrq, unit))
        assert isinstance(confirmed, ras.RegistrationConfirm)
        known.append((unit, confirmed.identifier))
    unit, identifier = known[0]
    call, wanted = bytes(16), (Alias("dialledDigits", "4201"),)
    requests = [
        write(ras.AdmissionRequest(1000 + n, identifier, call, call, 7, False, wanted))
        for n in range(3 * REQUESTS)
    ]
    answer = ask(ras.AdmissionRequest(999, identifier, call, call, 7, False, wanted), unit)
    value, turns = per.decode(Pdu.RAS, answer), iter(range(3))

    def asked() -> None:
        turn = next(turns)
        for octets in requests[turn * REQUESTS : (turn + 1) * REQUESTS]:
            core.handle(Heard(unit, us, octets, 1.8e9), 0.0)
            list(core.poll())

    def alone() -> None:
        for octets in requests[:REQUESTS]:
            per.decode(Pdu.RAS, octets)
            per.encode(Pdu.RAS, value)

    per_second("ARQ -> ACF", REQUESTS, asked, alone)


# ---- the ASN.1 modules


def loads() -> tuple[float, float, float]:
    """Return what a Python with the server's libraries takes, what H.323 adds, and the s to load.

    Memory in MB of PSS.
    """
    program = (
        f"import {LIBRARIES}\nimport time\nprint(flush=True)\ninput()\n"
        f"began = time.perf_counter()\n{LOADING}\n"
        "print(time.perf_counter() - began, flush=True)\ninput()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin
    assert process.stdout
    process.stdout.readline()
    bare = pss_mb(process.pid)
    process.stdin.write("\n")
    process.stdin.flush()
    took_s = float(process.stdout.readline())
    whole = pss_mb(process.pid)
    process.communicate("\n")
    return bare, whole - bare, took_s


def modules(rounds: int) -> None:
    found = [loads() for _ in range(rounds)]
    bare, more, took_s = (statistics.median(each) for each in zip(*found, strict=True))
    print(
        f"ASN.1 modules                loaded in {1000 * took_s:.0f} ms, {more:.1f} MB of PSS\n"
        f"    {'a Python with the same libraries':40} {bare:8.1f} MB"
        f"  ratio {(bare + more) / bare:.2f}",
        flush=True,
    )


async def empty_mb(home: Path, *, on: bool) -> float:
    """Return the PSS of a server without anybody, H.323 on or off."""
    environment = {"SFU_H323__ENABLED": "true" if on else "false"}
    server = Quiet(home, BASE_PORT, environment=environment)
    await server.start()
    try:
        await asyncio.sleep(2)
        return server_mb(server)[0]
    finally:
        await server.stop()


async def run(rounds: int) -> None:
    modules(5)
    rates()
    with tempfile.TemporaryDirectory() as home:
        off, on = [await empty_mb(Path(home) / str(on), on=on) for on in (False, True)]
        print(f"server, empty                {on:7.1f} MB with H.323, {off:.1f} without")
        server = Quiet(Path(home), BASE_PORT)
        await server.start()
        try:
            await asyncio.to_thread(calls, server, rounds)
        finally:
            await server.stop()


def main() -> None:
    with noted():
        asyncio.run(run(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS))


if __name__ == "__main__":
    main()
