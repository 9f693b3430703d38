"""A real Chromium in our page: what its own decoders show and play is what we assert on."""

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from playwright.async_api import Browser, Page, Playwright

from tests.interop import fixtures, hearing
from tests.interop.fixtures import Identity
from tests.interop.wait import until

EXECUTABLE = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-features=WebRtcHideLocalIpsWithMdns,LocalNetworkAccessChecks",
    "--allow-loopback-in-peer-connection",
    "--ignore-certificate-errors",
]

TILES = """() => {
  const seen = {};
  for (const video of document.querySelectorAll('[data-member] video')) {
    const member = video.closest('[data-member]').dataset.member;
    if (!video.srcObject || !video.videoWidth) continue;
    const canvas = document.createElement('canvas');
    canvas.width = 32; canvas.height = 18;
    const context = canvas.getContext('2d');
    context.drawImage(video, 0, 0, 32, 18);
    seen[member] = Array.from(context.getImageData(0, 0, 32, 18).data);
  }
  return seen; }"""

LISTEN = """() => {
  const context = window.testContext = new AudioContext();
  window.testEars = new Map();
  window.testListen = () => {
    for (const audio of document.querySelectorAll('audio')) {
      const stream = audio.srcObject;
      const key = stream && stream.id + audio.dataset.mid;
      if (!stream || !stream.getAudioTracks().length || window.testEars.has(key)) continue;
      const analyser = context.createAnalyser();
      analyser.fftSize = 16384; analyser.smoothingTimeConstant = 0;
      context.createMediaStreamSource(stream).connect(analyser);
      window.testEars.set(key, analyser);
    } };
  window.testListen(); }"""

HEAR = """async tones => { window.testListen();
  const played = new Set();
  for (let look = 0; look < 4; look++) {  // the tones pause: look several times
    for (const analyser of window.testEars.values()) {
      const decibels = new Float32Array(analyser.frequencyBinCount);
      analyser.getFloatFrequencyData(decibels);
      const bin = window.testContext.sampleRate / analyser.fftSize;
      const loudest = Math.max(...decibels);
      const floor = decibels.slice().sort()[decibels.length >> 1];
      for (const [name, hz] of Object.entries(tones)) {
        const around = decibels.slice(Math.floor((hz - 12) / bin), Math.ceil((hz + 12) / bin) + 1);
        const peak = Math.max(...around);
        if (peak > -70 && peak > floor + 20 && peak > loudest - 30) played.add(name);
      }
    }
    await new Promise(later => setTimeout(later, 170));
  }
  return [...played]; }"""

STATS = """async () => { const pcs = window.testConnections || []; const rows = [];
  for (const pc of pcs) for (const row of (await pc.getStats()).values())
    if (/bound-rtp$|^codec$|^candidate-pair$|^transport$|^remote-candidate$/.test(row.type))
      rows.push(row);
  return rows; }"""

WATCH_CONNECTIONS = """(() => { window.testConnections = [];
  const Real = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Real {
    constructor(...words) { super(...words); window.testConnections.push(this); } };
  const Link = window.WebSocket;
  window.WebSocket = class extends Link {
    constructor(...words) { super(...words);
      this.addEventListener('message', ({data}) => {
        if (JSON.parse(data).type == 'joined') window.testJoined = performance.now();
      }); } }; })()"""


@dataclass
class Visitor:
    """One person at a browser."""

    who: Identity
    playwright: Playwright
    executable: str = EXECUTABLE
    browser: Browser | None = field(default=None, init=False)
    opened: Page | None = field(default=None, init=False)
    messages: list[dict[str, Any]] = field(default_factory=list, init=False)
    """What the server said over the WebSocket."""

    @property
    def page(self) -> Page:
        assert self.opened is not None
        return self.opened

    async def open(self, url: str, *, language: str = "en") -> None:
        """Start a browser whose camera and microphone are this person's."""
        self.browser = await self.playwright.chromium.launch(
            executable_path=self.executable,
            headless=True,
            args=[
                *FLAGS,
                f"--use-file-for-fake-video-capture={fixtures.picture_mjpeg(self.who)}",
                f"--use-file-for-fake-audio-capture={fixtures.tone_wav(self.who, 48000)}",
            ],
        )
        context = await self.browser.new_context(
            ignore_https_errors=True, locale=language, permissions=["camera", "microphone"]
        )
        self.opened = await context.new_page()
        await self.page.add_init_script(WATCH_CONNECTIONS)
        self.page.on("websocket", self._watch)
        await self.page.goto(url)

    async def join(self) -> None:
        """Give the name and enter."""
        await self.page.fill("#name", self.who.name)
        await self.page.click("#enter")
        await until(lambda: self.last("joined"), 15, f"{self.who.name}'s place in the room")

    async def press(self, button: str) -> None:
        """Press a button of the bar: mic, cam, leave."""
        await self.page.click(f"#{button}")

    def _watch(self, websocket: Any) -> None:
        def received(payload: str | bytes) -> None:
            self.messages.append(json.loads(payload))

        websocket.on("framereceived", received)

    def last(self, kind: str) -> dict[str, Any]:
        """Return the newest message of a type, empty if none came."""
        found = [message for message in self.messages if message["type"] == kind]
        return found[-1] if found else {}

    def names(self) -> dict[str, str]:
        """Return the names of the members by their ids, as the server told."""
        return {row["member"]: row["name"] for row in self.last("members").get("members", ())}

    async def seen(self) -> dict[str, str]:
        """Return for each tile's member name whose colour it shows."""
        names, tiles = self.names(), await self.page.evaluate(TILES)
        result = {}
        for member, data in tiles.items():
            pixels = np.array(data, dtype=float).reshape(-1, 4)[:, :3]
            result[names.get(member, member)] = hearing.nearest(np.median(pixels, axis=0))
        return result

    async def heard(self) -> set[str]:
        """Return whose tones play, over all audio elements."""
        if not await self.page.evaluate("Boolean(window.testEars)"):
            await self.page.evaluate(LISTEN)
            await self.page.wait_for_timeout(600)
        tones = {who.name: who.hz for who in fixtures.EVERYBODY}
        return set(await self.page.evaluate(HEAR, tones))

    async def stats(self) -> list[dict[str, Any]]:
        """Return the RTP, codec, path and transport rows of getStats."""
        rows: list[dict[str, Any]] = await self.page.evaluate(STATS)
        return rows

    async def sees(self, *people: Identity, seconds: float = 30) -> float:
        """Wait until there are tiles of exactly these people, each in its own colour."""
        wanted = {who.name.lower(): who.name for who in people}
        seen: dict[str, str] = {}

        async def shown() -> bool:
            nonlocal seen
            seen = {name.lower(): colour for name, colour in (await self.seen()).items()}
            return seen == wanted

        try:
            return await until(shown, seconds, f"{self.who.name} seeing {sorted(wanted)}")
        except TimeoutError as error:
            raise TimeoutError(f"{error}: saw {seen}") from None

    async def hears(self, *people: Identity, seconds: float = 30) -> float:
        """Wait until exactly these people's tones play."""
        wanted = {who.name for who in people}
        heard: set[str] = set()

        async def played() -> bool:
            nonlocal heard
            heard = await self.heard()
            return heard == wanted

        try:
            return await until(played, seconds, f"{self.who.name} hearing {sorted(wanted)}")
        except TimeoutError as error:
            raise TimeoutError(f"{error}: heard {heard}") from None

    async def close(self) -> None:
        if self.browser is not None:
            await self.browser.close()
