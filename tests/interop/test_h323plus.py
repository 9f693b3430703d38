"""CallGen323 (H323Plus) and our server, without a gatekeeper and at ours.

Dialling in and out in each of its ways to begin a call, three calls at once, killed in mid call.
tshark reads all that our server sent.
"""

import asyncio
import json
import signal
import time
from pathlib import Path
from typing import Any

import av
import pytest

from tests.capture import UDP
from tests.capture import read as pieces
from tests.interop.baresip import Baresip
from tests.interop.fixtures import LAJOUX, MOREZ
from tests.interop.h323plus import (
    BASE,
    CALLS,
    ENDS,
    MEMBERS,
    OTHER,
    PORT,
    UNIT,
    US,
    Scene,
    callgen_built,
    h263_built,
    heard,
    judge,
    play,
    simph323_built,
)
from tests.interop.network import lose
from tests.interop.old_picture import H261, H263, Old, pictures
from tests.interop.server import Server
from tests.interop.test_h323 import dial, hang_up, read
from tests.interop.wait import until

pytestmark = [pytest.mark.interop, pytest.mark.waits, callgen_built]

WAYS = {
    "fast start, tunnel": (),
    "fast start, no tunnel": ("-T",),
    "slow start, tunnel": ("-f",),
    "slow start, no tunnel": ("-f", "-T"),
}
ROOM = f"4201@{US}:{PORT}"
ONCE = ("-m", "1", "-r", "1", "--tmincall", "60", "--tmaxcall", "60")
THRICE = ("-m", "3", "-r", "1", "--tmincall", "60", "--tmaxcall", "60")
RTP_PICTURE = 5_002
"""Where CallGen323 takes the picture of its first call."""
LOSS_S = 12
VIDEO = ("-v", "--maxframe", "cif")
REGISTER = """
[register]
networks = ["127.0.0.0/8", "10.98.0.3/32"]
[[account]]
user = "7001"
password = "a long one"
"""


@pytest.mark.parametrize("ours", ["false", "true"], ids=["ours apart", "ours tunnelled"])
def test_it_dials_in_in_each_way(tmp_path: Path, ours: str) -> None:
    async def story(scene: Scene) -> None:
        capture = await scene.listen()
        server = await scene.serve(SFU_H323__TUNNELLING=ours)
        for at, (way, words) in enumerate(WAYS.items(), 1):
            folder = f"heard-{at}"
            unit = scene.callgen(*words, *ONCE, ROOM, keep=folder)
            other = scene.callgen(*words, *ONCE, ROOM, host=OTHER, user="7002")
            await talks(server, 2)
            await unit.says("Established")
            await asyncio.sleep(3)
            for one in (unit, other):
                one.enter()
            await until(lambda: server.metric(CALLS) == 0, 10, f"the end of {way}")
            assert server.metric(ENDS % "hung_up") == 2 * at, way
            assert heard(tmp_path / folder) > 0.02, way
            for one in (unit, other):
                one.kill()
        judge(capture)

    play(tmp_path, story, 240)


@pytest.mark.parametrize("ours", ["false", "true"], ids=["ours apart", "ours tunnelled"])
def test_it_is_dialled_in_each_way(tmp_path: Path, ours: str) -> None:
    async def story(scene: Scene) -> None:
        capture = await scene.listen()
        server = await scene.serve(SFU_H323__TUNNELLING=ours)
        for way, words in WAYS.items():
            unit = scene.callgen(*words, "-l", "-m", "3")
            await unit.says("H.323 listening")
            await asyncio.sleep(1)
            status, outcome = await asyncio.to_thread(dial, server, f"h323:7001@{UNIT}", "4201")
            assert (status, outcome.get("answered")) == (201, True), (way, outcome)
            await talks(server, 1)
            await unit.says("Opened receiver")
            await asyncio.to_thread(hang_up, server, outcome["call"])
            await until(lambda: server.metric(CALLS) == 0, 10, f"the end of {way}")
            await unit.says("Cleared")
            unit.kill()
        judge(capture)

    play(tmp_path, story, 240)


def test_three_calls_at_once_and_all_killed(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        capture = await scene.listen()
        server = await scene.serve()
        unit = scene.callgen(*THRICE, ROOM)
        other = scene.callgen("-T", *ONCE, ROOM, host=OTHER, user="7002")
        await talks(server, 4)
        await unit.says("Established", 3)
        unit.kill()
        gone = await until(lambda: server.metric(MEMBERS) == 1, 10, "three that are gone")
        assert server.metric(ENDS % "vanished") == 3
        assert gone < 2
        other.enter()
        await until(lambda: server.metric(CALLS) == 0, 10, "the fourth's end")
        assert server.metric(ENDS % "hung_up") == 1
        judge(capture)

    play(tmp_path, story, 120)


def test_one_that_stands_still_is_gone_in_the_time_we_promise(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        server = await scene.serve()
        unit = scene.callgen(*ONCE, ROOM)
        await talks(server, 1)
        await asyncio.sleep(2)
        began = time.monotonic()
        unit.send(signal.SIGSTOP)
        await until(lambda: server.metric(CALLS) == 0, 50, "its end")
        assert 15 < time.monotonic() - began < 42
        assert server.metric(ENDS % "vanished") == 1

    play(tmp_path, story, 120)


def test_our_server_is_killed_and_the_unit_calls_again(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        server = await scene.serve()
        unit = scene.callgen(*ONCE, ROOM)
        await talks(server, 1)
        await unit.says("Established")
        server.kill()
        await unit.says("Cleared")
        await server.start()
        again = scene.callgen(*ONCE, ROOM, host=OTHER)
        await talks(server, 1)
        again.enter()
        await until(lambda: server.metric(CALLS) == 0, 10, "its end")

    play(tmp_path, story, 120)


def test_its_h264_and_a_sip_rooms_pass_each_other(meeting: Any, tmp_path: Path) -> None:
    """Where packets are lost it wishes for key frames as often as it likes."""

    async def story(scene: Scene) -> None:
        async with meeting() as m:
            capture = await scene.listen()
            server = await scene.serve()
            lajoux = await m.room(LAJOUX)
            await lajoux.dial(f"sip:4201@{US}:{BASE}")
            unit = scene.callgen(*VIDEO, "-P", "H.264", *ONCE, ROOM, keep="heard")
            await talks(server, 1)
            await lajoux.hears(MOREZ)
            await until(lambda: shows(lajoux, (352, 288)), 20, "its picture", 0.5)
            await unit.says("Resolution: 640x360")
            wishes = 'sfu_wishes_received_total{wish="picture"}'
            asked = "sfu_keyframe_requests_total"
            before = server.metric(wishes), server.metric(asked)
            lose(RTP_PICTURE, 0.05)
            await asyncio.sleep(LOSS_S)
            wished, sent = server.metric(wishes) - before[0], server.metric(asked) - before[1]
            print(f"{wished:.0f} wishes, {sent:.0f} key frames asked for in {LOSS_S} s")
            assert wished >= LOSS_S / 2
            assert 0 < sent <= LOSS_S * 4  # two sources, two a second
            shown = unit.log.count("Resolution: 640x360")
            await unit.says("Resolution: 640x360", shown + 20)
            unit.enter()
            await until(lambda: server.metric(CALLS) == 0, 10, "its end")
            assert heard(tmp_path / "heard") > 0.02
            judge(capture)

    play(tmp_path, story, 120)


@pytest.mark.parametrize("old", [H261, pytest.param(H263, marks=h263_built)], ids=str)
def test_its_old_pictures_and_another_ones_pass_each_other(tmp_path: Path, old: Old) -> None:
    """What each is sent decodes; both wish for key frames about once a second, whatever comes."""
    codec, other = ("H.261", "H.263") if old is H261 else ("H.263", "H.261")

    async def story(scene: Scene) -> None:
        capture = await scene.listen("udp portrange 5000-5099")
        server = await scene.serve()
        words = (*VIDEO, "-D", "H.264", "-D", other, *ONCE, ROOM)
        units = [scene.callgen(*words), scene.callgen(*words, host=OTHER, user="7002")]
        await talks(server, 2)
        for one in units:
            await one.says(f"Opened transmitter for {codec}")
            await one.says(f"Opened receiver for {codec}")
            await one.says("Received video")
        await until(lambda: fares(server) == {"ok"}, 15, "both pictures")
        await asyncio.sleep(5)
        streams = sent(capture, old.pt)
        assert len(streams) == 2
        for to, payloads in streams.items():
            seen = pictures(payloads, old)
            print(f"{len(seen)} pictures of {codec} to {to}")
            assert len(seen) > 20
            assert {(one.width, one.height) for one in seen} == {(352, 288)}
        judge(capture)

    play(tmp_path, story, 120)


def test_its_second_picture_is_refused_and_the_call_goes_on(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        capture = await scene.listen()
        server = await scene.serve()
        shares = ("--h239enable", "--h239delay", "1", "-P", "H.264")
        unit = scene.callgen(*VIDEO, *shares, *ONCE, ROOM)
        other = scene.callgen(*VIDEO, *shares, *ONCE, ROOM, host=OTHER, user="7002")
        await talks(server, 2)
        await unit.says("Received video")
        await asyncio.sleep(5)
        assert server.metric(CALLS) == 2
        assert fares(server) == {"ok"}
        asked = "h245.genericRequest_element || h245.extendedVideoCapability_element"
        assert read(capture, f"({asked}) && ip.dst == {US}", "frame.number")
        for one in (unit, other):
            one.enter()
        await until(lambda: server.metric(CALLS) == 0, 10, "their end")
        assert server.metric(ENDS % "hung_up") == 2
        judge(capture)

    play(tmp_path, story, 60)


@simph323_built
@pytest.mark.parametrize("ours", ["false", "true"], ids=["ours apart", "ours tunnelled"])
def test_its_h245_in_setup_is_heard(tmp_path: Path, ours: str) -> None:
    async def story(scene: Scene) -> None:
        capture = await scene.listen()
        server = await scene.serve(SFU_H323__TUNNELLING=ours)
        unit = scene.simph323("--h245setupenable", ROOM)
        await talks(server, 1)
        await asyncio.sleep(2)
        unit.kill()
        await until(lambda: server.metric(CALLS) == 0, 10, "its end")
        assert server.metric(ENDS % "vanished") == 1
        assert read(capture, "h225.setup_element && h245.terminalCapabilitySet_element", "ip.src")
        judge(capture)

    play(tmp_path, story, 60)


@pytest.mark.parametrize("password", ["a long one", ""], ids=["password", "listed"])
def test_it_registers_here_calls_and_is_called(tmp_path: Path, password: str) -> None:
    async def story(scene: Scene) -> None:
        capture = await scene.listen()
        server = await scene.serve(REGISTER)
        user = "7001" if password else "7002"
        here: dict[str, Any] = {"gatekeeper": US, "user": user, "password": password}
        unit = scene.callgen(*THRICE, "4201", **here)
        await until(lambda: server.metric("sfu_h323_registrations") == 1, 10, "its registration")
        await talks(server, 3)
        unit.enter()
        await until(lambda: server.metric(CALLS) == 0, 10, "their end")
        assert server.metric(ENDS % "hung_up") == 3
        await until(lambda: server.metric("sfu_h323_registrations") == 0, 15, "its leaving")

        unit = scene.callgen("-l", "-m", "3", **here)
        await until(lambda: server.metric("sfu_h323_registrations") == 1, 10, "its coming back")
        status, outcome = await asyncio.to_thread(dial, server, user, "4201")
        assert (status, outcome.get("answered")) == (201, True), outcome
        await talks(server, 1)
        unit.kill()
        await until(lambda: server.metric(CALLS) == 0, 10, "the end of who was killed")
        assert server.metric(ENDS % "vanished") == 1
        judge(capture)

    play(tmp_path, story, 120)


def sent(capture: Path, payload_type: int) -> dict[tuple[str, int], list[bytes]]:
    """Return the payloads of pictures that we sent, by where to, in order."""
    found: dict[tuple[str, int], list[bytes]] = {}
    for piece in pieces(capture):
        if piece.protocol != UDP or piece.source[1] < BASE or len(piece.data) < 12:
            continue
        if piece.data[1] & 0x7F == payload_type:
            payload = piece.data[12 + 4 * (piece.data[0] & 15) :]
            found.setdefault(piece.destination, []).append(payload)
    return found


async def shows(room: Baresip, size: tuple[int, int]) -> bool:
    """Tell whether the picture a room decodes is of this size."""
    await room.picture()
    newest = max(room.home.glob("seen-*.png"), default=None)
    if newest is None:
        return False
    with av.open(str(newest)) as container:
        frame = next(container.decode(video=0))
    return bool((frame.width, frame.height) == size)


def fares(server: Server) -> set[str]:
    """Say how the pictures of all in their rooms fare."""
    rooms = json.loads(server.get("/api/v1/rooms"))
    return {member["video"] for room in rooms for member in room["members"]}


async def talks(server: Server, number: int) -> None:
    """Wait until so many are in their rooms."""
    await until(lambda: server.metric(MEMBERS) == number, 20, f"{number} calls")
