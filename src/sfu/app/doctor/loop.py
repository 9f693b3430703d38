r"""A call to ourselves: SIP in, a tone, and what of it comes back from the echo test.

::

    doctor --INVITE 9196--> server      100 packets a two seconds --> mixer --> back to us
"""

import asyncio
import contextlib
import math
import re
import socket
import struct
from dataclasses import dataclass
from itertools import count

import numpy as np

from sfu.app.doctor.finding import Finding, Words, fine, note, wrong
from sfu.config import Settings
from sfu.media.mix.g711 import MULAW_DECODE, MULAW_ENCODE, decode, encode
from sfu.model import CallId
from sfu.shell.sip import Listening, SipShell
from sfu.signalling.call import CallAnswered, CallEnded, CallEvent, Dial, HangUp
from sfu.signalling.sip.settings import SipSettings
from sfu.signalling.sip.uri import bracket

ANSWER_S = 8.0
SEND_S = 3.0
TONE_HZ, RATE, STEP = 440.0, 8000, 160
ENOUGH = 0.5
"""Share of what was sent that must come back."""
MEDIA = re.compile(rb"(?m)^m=audio ([0-9]+) ")


@dataclass
class Loop:
    """How the call went."""

    answered: bool = False
    why: str = ""
    sent: int = 0
    received: int = 0
    tone: bool = False


async def call(host: str, port: int, room: str) -> Loop:
    """Call a room of a server on this machine, send a tone, and count what comes back."""
    loop, result = asyncio.get_running_loop(), Loop()
    taken: asyncio.Future[CallAnswered | CallEnded] = loop.create_future()

    def hear(event: CallEvent) -> None:
        if isinstance(event, CallAnswered | CallEnded) and not taken.done():
            taken.set_result(event)

    shell = SipShell(
        SipSettings(user_agent="sfu doctor"),
        Listening((host,), 0, None),
        hear,
        new_call=map(CallId, count(1)).__next__,
    )
    await shell.start()
    media = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        media.bind((host, 0))
        media.setblocking(False)
        offer = _offer(host, media.getsockname()[1])
        shell.order(
            Dial(CallId(1), f"sip:{room}@{bracket(host)}:{port}", offer, "doctor", "doctor")
        )
        try:
            said = await asyncio.wait_for(asyncio.shield(taken), ANSWER_S)
        except TimeoutError:
            result.why = f"no answer in {ANSWER_S:.0f} s"
            return result
        if isinstance(said, CallEnded):
            result.why = f"{said.status} {said.text}".strip()
            return result
        result.answered = True
        found = MEDIA.search(said.description or b"")
        if found:
            await _talk(media, (host, int(found[1])), result)
        shell.order(HangUp(CallId(1)))
    finally:
        media.close()
        await shell.close()
    return result


def _offer(host: str, port: int) -> bytes:
    family = "IP6" if ":" in host else "IP4"
    return (
        f"v=0\r\no=- 1 1 IN {family} {host}\r\ns=-\r\nc=IN {family} {host}\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
    ).encode()


async def _talk(media: socket.socket, there: tuple[str, int], result: Loop) -> None:
    """Send the tone at its pace; take what comes meanwhile and a moment longer."""
    loop = asyncio.get_running_loop()
    heard: list[bytes] = []
    loop.add_reader(media.fileno(), _take, media, heard)
    try:
        begin = loop.time()
        for number in range(int(SEND_S * RATE / STEP)):
            await asyncio.sleep(max(0.0, begin + number * STEP / RATE - loop.time()))
            media.sendto(_packet(number), there)
            result.sent += 1
        await asyncio.sleep(0.5)
    finally:
        loop.remove_reader(media.fileno())
    packets = [one for one in heard if len(one) == 12 + STEP and one[1] & 0x7F == 0]
    result.received = len(packets)
    result.tone = _has_tone(b"".join(one[12:] for one in packets[-100:]))


def _take(media: socket.socket, heard: list[bytes]) -> None:
    with contextlib.suppress(OSError):
        while True:
            heard.append(media.recv(2048))


def _packet(number: int) -> bytes:
    """Make an RTP packet (RFC 3550) of 20 ms of the tone, in PCMU."""
    head = struct.pack("!BBHII", 0x80, 0, number & 0xFFFF, number * STEP, 0xD0C70)
    at = np.arange(number * STEP, (number + 1) * STEP) / RATE
    tone = 8000 * np.sin(2 * math.pi * TONE_HZ * at)
    return head + encode(MULAW_ENCODE, tone.astype(np.int16))


def _has_tone(coded: bytes) -> bool:
    """Tell whether a tenth of the energy at some time is our tone: a voice may speak over it."""
    if len(coded) < RATE // 5:
        return False
    samples = decode(MULAW_DECODE, coded).astype(float)
    step = RATE // 5
    for begin in range(0, len(samples) - step + 1, step):
        piece = samples[begin : begin + step]
        turn = np.exp(-2j * math.pi * TONE_HZ * np.arange(step) / RATE)
        ours = 2 * abs(np.dot(piece, turn)) ** 2 / step
        if ours > 0.1 * float(np.dot(piece, piece)) > 0.0:
            return True
    return False


def judge(result: Loop, settings: Settings) -> Finding:
    """Say how the call to ourselves went."""
    room = settings.rooms.echo_test
    if not result.answered and settings.sip.media_encryption == "required":
        return note(
            "loop sip",
            Words(
                "en clair, l'appel est refusé, comme réglé", "in clear the call is refused, as set"
            ),
        )
    if not result.answered:
        return wrong(
            "loop sip",
            Words(
                f"l'appel au {room} a échoué : {result.why}",
                f"the call to {room} failed: {result.why}",
            ),
            Words(
                "Lisez le journal du serveur à cet instant : journalctl -u sfu -n 50.",
                "Read the server's log of this moment: journalctl -u sfu -n 50.",
            ),
        )
    share = f"{result.received}/{result.sent}"
    if result.received < ENOUGH * result.sent or not result.tone:
        return wrong(
            "loop sip",
            Words(f"l'écho : {share} paquets revenus", f"the echo: {share} packets came back"),
            Words(
                "Le pare-feu de cette machine arrête-t-il l'UDP "
                f"{settings.rtp.first_port}-{settings.rtp.last_port} ? Le mélangeur vit-il "
                "(sfu_worker_alive) ?",
                "Does this machine's firewall stop UDP "
                f"{settings.rtp.first_port}-{settings.rtp.last_port}?  Does the mixer live "
                "(sfu_worker_alive)?",
            ),
        )
    return fine(
        "loop sip",
        f"un appel SIP entend son écho ({share})",
        f"a SIP call hears its echo ({share})",
    )
