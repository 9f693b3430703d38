"""A browser: Opus, simulcast, feedback each 100 ms, its own congestion control on the way up."""

from dataclasses import dataclass, field

from sfu.model import SourceId
from tests.scenarios.encoder import Encoder
from tests.scenarios.gcc import BrowserControl
from tests.scenarios.member import Member
from tests.scenarios.packet import BROWSER_BYTES, OPUS_BYTES, Frame, Packet, What, cut

FPS = 25.0
FEEDBACK_US = 100_000
PACING = 2.5
"""libwebrtc sends a frame at so many times its estimate."""
MARGIN = 0.95
"""Of its estimate, less sound and headers, which a browser gives its encoders."""
LEAST_BPS = 30_000
TEMPORALS = (0, 2, 1, 2)
"""Temporal layers of VP8 in a browser's simulcast, three of them."""


@dataclass
class SimulcastLayer:
    """One encoding; the cap is what we asked for."""

    rid: str
    source: SourceId
    height: int
    most_bps: int
    cap_bps: int = 0
    capped: bool = True
    """Whether our page has said it shall be sent."""
    running: bool = False
    number: int = 0
    wished: bool = True
    last: dict[int, int] = field(default_factory=dict)
    """Number of the last frame of each temporal layer."""


@dataclass
class Browser(Member):
    """With a camera if it has layers, lowest first."""

    layers: list[SimulcastLayer] = field(default_factory=list)
    headers_bytes: int = BROWSER_BYTES
    sound_bytes: int = OPUS_BYTES

    is_browser = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.control = BrowserControl()
        self._encoders = {
            layer.rid: Encoder(self.dice, FPS, layer.most_bps, key_factor=self.dice.uniform(6, 10))
            for layer in self.layers
        }
        for layer in self.layers:
            layer.cap_bps = layer.most_bps
        self._free_at_us = 0
        self._arrived: list[tuple[int, int]] = []
        self._told = 0

    def join(self) -> None:
        super().join()
        if self.layers:
            self.clock.every(int(1e6 / FPS), self._capture)
        self.clock.every(FEEDBACK_US, self._feed_back)

    # ---- the way up

    def wish(self, source: SourceId) -> None:
        """Make a key frame of one layer next."""
        for layer in self.layers:
            layer.wished |= layer.source == source

    def set_caps(self, caps: dict[str, tuple[int, bool]]) -> None:
        """Obey our page: (bit/s of payload, active) of each layer."""
        for layer in self.layers:
            layer.cap_bps, layer.capped = caps.get(layer.rid, (layer.cap_bps, layer.capped))

    def _share(self) -> None:
        """Give each layer its rate, the lowest first, as a browser does."""
        sound_bps = (OPUS_BYTES + BROWSER_BYTES) * 8 * 50
        left = max(self.control.estimate_bps * MARGIN - sound_bps, LEAST_BPS) * 0.94  # headers
        for layer in self.layers:
            target = min(layer.cap_bps, layer.most_bps, left)
            runs = layer.capped and target >= min(0.5 * layer.most_bps, layer.cap_bps, LEAST_BPS)
            encoder = self._encoders[layer.rid]
            if runs and not layer.running:
                layer.wished = True
                encoder.start(target)
            layer.running = runs
            if runs:
                encoder.target_bps = target
                left -= target

    def _capture(self) -> None:
        self._share()
        now_us = self.clock.now_us
        at_us = max(now_us, self._free_at_us)
        pace_bps = max(PACING * self.control.estimate_bps, 200_000)
        for layer in self.layers:
            if not layer.running:
                continue
            size = self._encoders[layer.rid].encode(layer.wished)
            pieces = cut(size)
            frame = self._frame(layer, len(pieces), now_us)
            for index, payload in enumerate(pieces):
                packet = Packet(What.PICTURE, layer.source, payload, at_us, frame, index)
                self.clock.at(at_us, self.send_picture, packet)
                at_us += int((payload + BROWSER_BYTES) * 8_000_000 / pace_bps)
        self._free_at_us = at_us

    def _frame(self, layer: SimulcastLayer, packets: int, now_us: int) -> Frame:
        number, temporal = layer.number, TEMPORALS[layer.number % len(TEMPORALS)]
        key, layer.wished = layer.wished, False
        if key:
            temporal, layer.last = 0, {}
            layer.number += -layer.number % len(TEMPORALS)
            number = layer.number
        needs = max((n for t, n in layer.last.items() if t < max(temporal, 1)), default=-1)
        layer.last[temporal] = number
        layer.number += 1
        return Frame(layer.source, number, packets, key, now_us, needs, temporal)

    def fed_back(self, arrivals: list[tuple[int, int, int]], lost: int) -> None:
        """The server's feedback on what it received has come."""
        self.control.feedback(arrivals, lost, self.clock.now_us)

    # ---- the way down

    def arrived(self, sequence: int, arrival_us: int) -> None:
        """A packet with a transport-wide number comes, now or soon."""
        self._arrived.append((sequence, arrival_us))

    def _feed_back(self) -> None:
        now_us = self.clock.now_us
        come = [one for one in self._arrived if one[1] <= now_us]
        if not come:
            return
        self._arrived = [one for one in self._arrived if one[1] > now_us]
        have = dict(come)
        last = max(have)
        arrivals = tuple((n, have.get(n)) for n in range(self._told, last + 1))
        self._told = max(self._told, last + 1)
        late = tuple(one for one in come if one[0] < arrivals[0][0]) if arrivals else tuple(come)
        size = 28 + 20 + 10 + 8 + 2 * len(arrivals)
        self.report(size, self.engine.feedback, self, late + arrivals)
