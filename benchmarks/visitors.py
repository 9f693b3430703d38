"""Who comes and goes while a meeting is measured: codecs, browsers, readers of the page.

    python -m benchmarks.visitors BASE_PORT       until its input ends

Three room codecs at a time meet for a second and leave, each meeting in another room: SIP, routes,
call records.  A browser joins, stays a second and leaves: TLS, a WebSocket, ICE, DTLS.  The page is
asked for over a new connection each time: TLS.  Prints at the end how often, as JSON.
"""

import asyncio
import http.client
import json
import ssl
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable

from benchmarks.caller import HOST, Caller
from benchmarks.camera import QUIET
from benchmarks.latency import PPS, SPS
from sfu.probe.member import SimulatedMember

TOGETHER, STAY_S, ROOMS = 3, 1.0, 200
PAGES_PAUSE_S, CALLS_PAUSE_S, BROWSERS_PAUSE_S = 0.2, 0.2, 2.0


class Visitors:
    """Threads that come and go until told to stop."""

    def __init__(self, base: int) -> None:
        """Visit the server whose ports begin there."""
        self._base, self._over, self.counts = base, threading.Event(), Counter[str]()

    def run(self) -> None:
        """Visit until standard input ends."""
        work = ((self._meet, CALLS_PAUSE_S), (self._read, PAGES_PAUSE_S),
                (self._browse, BROWSERS_PAUSE_S))  # fmt: skip
        threads = [threading.Thread(target=self._repeat, args=one) for one in work]
        print("coming", flush=True)
        for thread in threads:
            thread.start()
        sys.stdin.read()
        self._over.set()
        for thread in threads:
            thread.join()

    def _repeat(self, visit: Callable[[int], None], pause_s: float) -> None:
        number = 0
        while not self._over.wait(pause_s):
            number += 1
            try:
                visit(number)
            except Exception as error:  # whatever it was, others go on coming
                self.counts[f"failed: {type(error).__name__}"] += 1

    def _meet(self, number: int) -> None:
        room, callers = str(4500 + number % ROOMS), []
        for place in range(TOGETHER):
            caller = Caller(self._base, f"visitor{place}")
            caller.dial(room)
            callers.append(caller)
            self.counts["calls"] += 1
        began = time.monotonic()
        for turn in range(round(STAY_S / 0.02)):
            for caller in callers:
                caller.audio.send(QUIET, 160 * turn)
                if turn % 10 == 0:
                    caller.video.send(SPS, 1800 * turn)
                    caller.video.send(PPS, 1800 * turn)
                    caller.video.send(b"\x65\x88" + bytes(400), 1800 * turn, mark=True)
            time.sleep(max(0.0, began + 0.02 * (turn + 1) - time.monotonic()))
        for caller in callers:
            caller.hang_up()

    def _read(self, number: int) -> None:
        context = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection(HOST, self._base + 2, timeout=10, context=context)
        connection.request("GET", "/" if number % 2 else "/protocol.js")
        connection.getresponse().read()
        connection.close()
        self.counts["pages"] += 1

    def _browse(self, number: int) -> None:
        asyncio.run(self._join(str(4800 + number % 100)))
        self.counts["browsers"] += 1

    async def _join(self, room: str) -> None:
        member = SimulatedMember("visitor", (60, 120, 60), 440.0, size=(160, 90), fps=5)
        try:
            await member.join(f"https://{HOST}:{self._base + 2}/", room)
            await asyncio.sleep(STAY_S)
        finally:
            await member.leave()


if __name__ == "__main__":
    visitors = Visitors(int(sys.argv[1]))
    visitors.run()
    print(json.dumps(visitors.counts))
