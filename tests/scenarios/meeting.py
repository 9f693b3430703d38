"""One scenario put together: lines, members, the server; played from its start to its end."""

import random
import re
from dataclasses import dataclass, field
from typing import Any

from sfu.media.allocation.encapsulation import Encapsulation
from sfu.media.engine.pacer import PictureClass
from sfu.model import Framing, LineId, MemberId, SinkId, SourceId, TransportId
from tests.scenarios.browser import Browser, SimulcastLayer
from tests.scenarios.clock import Clock
from tests.scenarios.codec import Codec
from tests.scenarios.cross import Tcp, Udp
from tests.scenarios.engine import Engine
from tests.scenarios.line import AccessLine
from tests.scenarios.member import Member
from tests.scenarios.path import Path
from tests.scenarios.scenario import Media, Scenario, quantity
from tests.scenarios.wiring import Wiring

CAMERAS = {
    "720p": (("l", 180, 120_000), ("m", 360, 350_000), ("h", 720, 1_200_000)),
    "360p": (("l", 180, 150_000), ("h", 360, 1_200_000)),
}
"""Layers of a browser: rid, height, most payload."""
SLIDES_FPS = 5.0
EQUAL_PICTURES = 2
"""So many pictures side by side are equal; of more the speaker's goes first."""


@dataclass
class Meeting:
    """Everything of one run, to be measured afterwards."""

    scenario: Scenario
    seed: int = 1
    clock: Clock = field(default_factory=Clock)
    up: dict[int, AccessLine] = field(default_factory=dict)
    down: dict[int, AccessLine] = field(default_factory=dict)
    members: list[Member] = field(default_factory=list)
    slides: list[Codec] = field(default_factory=list)
    seen: dict[SinkId, MemberId] = field(default_factory=dict)
    speakers: list[tuple[int, MemberId]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dice = random.Random(f"{self.seed}/{self.scenario.id}")
        self.engine = Engine(self.clock)
        self.wiring = Wiring(self.clock, self.engine)
        self.wiring.upward = bool(self.scenario.run.get("upward"))
        self._ids = 0
        self._places: dict[MemberId, dict[MemberId, SinkId]] = {}
        self._waiting: dict[MemberId, Member] = {}
        for site in sorted({one.site for one in self.scenario.media} | {*self.scenario.lines}):
            self._build_line(site)
        for media in self.scenario.media:
            self._invite(media)
        self._plan()

    def play(self) -> "Meeting":
        """Let it all happen."""
        self.clock.run(int(self.scenario.seconds * 1e6))
        return self

    # ---- lines

    def _build_line(self, site: int) -> None:
        settings = self.scenario.line_of(site)
        cells = Encapsulation(Framing(settings["framing"]), int(settings["overhead"]))
        for lines, way in ((self.up, "up"), (self.down, "down")):
            lines[site] = AccessLine(
                int(settings.get(f"rate_{way}", settings["rate"])),
                cells,
                queue_ms=settings["queue_ms"],
                delay_ms=settings["delay_ms"],
                jitter_ms=settings["jitter_ms"],
                loss=settings["loss"],
                seed=self.dice.randrange(1 << 30),
                bursts=tuple(settings["ge"]) if "ge" in settings else None,
            )
        known = settings.get("known", True)
        rates = (self.up[site].rate_bps, self.down[site].rate_bps) if known else (None, None)
        self.wiring.add_line(LineId(site + 1), cells, *rates)

    def _paths(self, site: int) -> tuple[Path, Path]:
        up: tuple[AccessLine, ...] = (self.up[site],)
        down: tuple[AccessLine, ...] = (self.down[site],)
        if 0 in self.up and site:
            # the server's own line: what a site sends comes down it, what we send goes up it
            up, down = (*up, self.down[0]), (self.up[0], *down)
        return Path(self.clock, up), Path(self.clock, down)

    # ---- members

    def _id(self) -> int:
        self._ids += 1
        return self._ids

    def _invite(self, media: Media) -> None:
        number = self._id()
        up, down = self._paths(media.site)
        common: dict[str, Any] = {
            "name": MemberId(f"{media.kind}{number}"),
            "site": media.site,
            "clock": self.clock,
            "up": up,
            "down": down,
            "engine": self.engine,
            "dice": random.Random(f"{self.seed}/{self.scenario.id}/{number}"),
            "transport": TransportId(number),
            "sound_source": SourceId(10_000 + number),
        }
        member: Member
        if media.kind == "browser":
            camera = CAMERAS[media.options.get("camera", "720p")]
            layers = [
                SimulcastLayer(rid, SourceId(100 * number + n), height, most)
                for n, (rid, height, most) in enumerate(camera)
            ]
            member = Browser(**common, layers=layers if "deafmute" not in media.options else [])
        else:
            member = self._codec(media, number, common)
        self._waiting[member.name] = member
        self.clock.at(int(media.join_s * 1e6), self._join, member)

    def _codec(self, media: Media, number: int, common: dict[str, Any]) -> Codec:
        bps = int(media.number("h264"))
        size, _, every = media.options.get("keyframe", "0/0").partition("/")
        codec = Codec(
            **common,
            source=SourceId(100 * number) if bps else None,
            offer_bps=bps,
            keyframe_bytes=int(quantity(size)),
            keyframe_every_s=quantity(every or "0"),
            deaf=media.kind == "replay",
            report_s=media.number("rr", 5.0),
        )
        if "content" in media.options:
            self._invite_slides(media, common)
        return codec

    def _invite_slides(self, media: Media, common: dict[str, Any]) -> None:
        number = self._id()
        slides = Codec(
            **{**common, "name": MemberId(f"slides{number}"), "transport": TransportId(number)},
            source=SourceId(100 * number),
            offer_bps=int(media.number("content")),
            keyframe_bytes=60_000,
            silent=True,
            fps=SLIDES_FPS,
        )
        self.slides.append(slides)
        self.clock.at(int(media.number("from") * 1e6), self._show_slides, slides)
        self.clock.at(int(media.number("to") * 1e6), self._hide_slides, slides)

    def _join(self, member: Member) -> None:
        self._waiting.pop(member.name, None)
        self.members.append(member)
        self.wiring.join(member, self._line(member))
        member.join()
        self._arrange()

    def _line(self, member: Member) -> LineId:
        return LineId(member.site + 1)

    def _show_slides(self, slides: Codec) -> None:
        self.wiring.join(slides, self._line(slides))
        slides.join()
        for viewer in self.members:
            if viewer.site != slides.site or viewer.is_browser:
                sink = SinkId(self._id())
                self.seen[sink] = slides.name
                self.wiring.place(sink, viewer, slides.name, PictureClass.SLIDES)

    def _hide_slides(self, slides: Codec) -> None:
        slides.active = False
        for sink, seen in self.seen.items():
            if seen == slides.name:
                self.wiring.unplace(sink)
        self.wiring.gone(slides.name)

    # ---- who sees whom

    def _arrange(self) -> None:
        """Fill everybody's places: two alike, of more the speaker large and the others small."""
        for viewer in self.members:
            shown = [one for one in self._order() if one != viewer.name]
            if not viewer.is_browser:
                shown = shown[:1]
            shown = shown[: self.scenario.run.get("places", 9)]
            places = self._places.setdefault(viewer.name, {})
            free = [places.pop(seen) for seen in [*places] if seen not in shown]
            for n, seen in enumerate(shown):
                if seen not in places:  # who is seen keeps his place
                    places[seen] = free.pop(0) if free else SinkId(self._id())
                main = n == 0 or len(shown) <= EQUAL_PICTURES
                cls = PictureClass.MAIN if main else PictureClass.THUMBNAIL
                self.seen[places[seen]] = seen
                self.wiring.place(places[seen], viewer, seen, cls)

    def _order(self) -> list[MemberId]:
        """Whoever sends a picture, the latest speaker first."""
        pictures = [one.name for one in self.members if one.name in self.wiring.senders]
        spoken = [name for name in self.wiring.loudest if name in pictures]
        return [*spoken, *(name for name in pictures if name not in spoken)]

    def speak(self, name: MemberId) -> None:
        """Somebody speaks up."""
        loudest = self.wiring.loudest
        if name in loudest:
            loudest.remove(name)
            loudest.insert(0, name)
            self.speakers.append((self.clock.now_us, name))
            self._arrange()

    # ---- what happens besides

    def _plan(self) -> None:
        run = self.scenario.run
        for event in self.scenario.events:
            line = (self.up if event.dir == "up" else self.down)[event.at]
            queue_ms = run.get("queue_ms_at_events")
            self.clock.at(int(event.t * 1e6), self._change, line, event.rate, queue_ms)
        for sentence in [run["cross"]] if "cross" in run else []:
            self._cross(sentence)
        if "stall" in run:
            length, _, every = run["stall"].partition(" every ")
            self._stall(int(quantity(length) * 1e6), int(quantity(every) * 1e6))
        if "loss_from" in run:
            self.clock.at(int(run["loss_from"] * 1e6), self._lose, run["loss"])
        if "sensor" in run:
            for member in self._waiting.values():
                if not member.is_browser:
                    self.wiring.sense(member, int(quantity(run["sensor"]) * 1e6))
        if "speaker_every" in run:
            dice = random.Random(f"{self.seed}/speakers")
            self.clock.every(
                int(run["speaker_every"] * 1e6),
                lambda: self.speak(dice.choice([one.name for one in self.members])),
            )
        first = next((name for name, one in self._waiting.items() if _shows(one)), None)
        if first is not None:
            self.clock.at(1, self.speak, first)

    def _change(self, line: AccessLine, rate: int, queue_ms: int | None) -> None:
        line.set_rate(rate, self.clock.now_us, queue_ms)

    def _lose(self, loss: float) -> None:
        for line in (*self.up.values(), *self.down.values()):
            line.loss = loss

    def _cross(self, sentence: str) -> None:
        match = re.fullmatch(r"(\d+) (up|down) (udp|tcp) ?(\S+)? from=(\S+) to=(\S+)", sentence)
        assert match, sentence
        site, way, kind, rate, begin, end = match.groups()
        line = (self.up if way == "up" else self.down)[int(site)]
        until_us = int(quantity(end) * 1e6)
        flow: Tcp | Udp
        if kind == "udp":
            flow = Udp(self.clock, line, int(quantity(rate)), until_us)
        else:
            flow = Tcp(self.clock, line, until_us, cubic=rate != "reno")
        self.clock.at(int(quantity(begin) * 1e6), flow.start)

    def _stall(self, length_us: int, every_us: int) -> None:
        def begin() -> None:
            self.engine.stalled_until_us = self.clock.now_us + length_us

        self.clock.every(every_us, begin)


def _shows(member: Member) -> bool:
    return isinstance(member, Codec) and member.source is not None
