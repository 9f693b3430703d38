"""What came of a meeting: figures by the names of docs/scenarios.md."""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import pairwise

from sfu.media.allocation.output import Give, StopPicture
from sfu.media.allocation.rung import Rung, Why
from sfu.media.engine.pacer import PictureClass
from sfu.model import LineId, MemberId, SinkId
from tests.scenarios.browser import Browser
from tests.scenarios.codec import Codec
from tests.scenarios.engine import Sink
from tests.scenarios.eye import Eye
from tests.scenarios.line import AccessLine
from tests.scenarios.meeting import Meeting
from tests.scenarios.member import Member

WARM_US = 10_000_000
"""A meeting is steady after this, unless said otherwise."""
PROBE_TAIL_US, PROBE_MOST_US = 600_000, 100_000


def percentile(values: list[int], share: float) -> float:
    """Return the value that so large a share stays below."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0


class Measures:
    """Every figure is worked out when it is asked for; times in seconds, waits in ms."""

    def __init__(self, meeting: Meeting) -> None:
        self.meeting = meeting
        self.scenario = meeting.scenario
        self.end_us = int(self.scenario.seconds * 1e6)
        self.wiring, self.engine = meeting.wiring, meeting.engine

    def get(self, name: str) -> float | bool:
        """Return one figure."""
        return getattr(self, name)  # type: ignore[no-any-return]

    # ---- sound

    def _sound_delays(self, begin_us: int = 0) -> list[int]:
        return [
            delay
            for member in self.meeting.members
            for at_us, delay in zip(member.ear.times_us, member.ear.delays_us, strict=True)
            if delay >= 0 and at_us >= begin_us
        ]

    @property
    def aq_max(self) -> float:
        return max(self._sound_delays(), default=0) / 1e3

    @property
    def aq_p99(self) -> float:
        return percentile(self._sound_delays(), 0.99) / 1e3

    @property
    def aq_p99_after(self) -> float:
        return percentile(self._sound_delays(self.last_event_us + 5_000_000), 0.99) / 1e3

    @property
    def alost(self) -> int:
        return sum(len(one.ear.dropped_us) for one in self.meeting.members)

    @property
    def alost_after_settle(self) -> int:
        """Sounds dropped later than 1.5 s after any event."""
        return sum(
            all(not 0 <= at_us - event < 1_500_000 for event in self.event_times_us)
            for one in self.meeting.members
            for at_us in one.ear.dropped_us
        )

    @property
    def audio_loss_share(self) -> float:
        heard = sum(len(one.ear.times_us) for one in self.meeting.members)
        return self.alost / max(heard, 1)

    @property
    def audio_concealed_share(self) -> float:
        return max(
            one.ear.concealed_share(one.joined_us, self.end_us) for one in self.meeting.members
        )

    # ---- lines

    @property
    def event_times_us(self) -> list[int]:
        times = [int(one.t * 1e6) for one in self.scenario.events]
        return sorted({*times, *self._cross_us})

    @property
    def _cross_us(self) -> list[int]:
        words = self.scenario.run.get("cross", "").split()
        return [int(float(one.split("=")[1][:-1]) * 1e6) for one in words if "=" in one]

    @property
    def first_event_us(self) -> int:
        return min(self.event_times_us, default=self.end_us)

    @property
    def last_event_us(self) -> int:
        return max(self.event_times_us, default=0)

    def _waits(self, begin_us: int = 0, site: int | None = None) -> list[int]:
        lines = self.meeting.down
        chosen = [lines[site]] if site is not None else list(lines.values())
        return [wait for line in chosen for at, wait in _waits(line) if at >= begin_us]

    @property
    def q_max(self) -> float:
        return max(self._waits(), default=0) / 1e3

    @property
    def q_p95(self) -> float:
        return percentile(self._waits(), 0.95) / 1e3

    @property
    def line1_q_p95(self) -> float:
        return percentile(self._waits(WARM_US, 1), 0.95) / 1e3

    @property
    def q_p95_after(self) -> float:
        return percentile(self._waits(self.first_event_us + 2_000_000), 0.95) / 1e3

    def _settle(self, bound_us: int) -> float:
        """Return how long, at worst, a queue was longer than this after an event.

        The queue of a probe is its own, up to 100 ms and until 0.6 s after it: on a line that has
        not come back there is no proof of room without one.
        """
        worst, times = 0, [*self.event_times_us, self.end_us]
        for site, line in self.meeting.down.items():
            probes = self.wiring.sites[LineId(site + 1)].probes
            spans = [(at, at + length + PROBE_TAIL_US) for at, _, length in probes]
            for at_us, wait_us in _waits(line):
                if wait_us >= bound_us or wait_us < 0:
                    if wait_us < PROBE_MOST_US and any(a <= at_us < b for a, b in spans):
                        continue
                    before = [one for one in times if one <= at_us]
                    worst = max(worst, at_us - before[-1] if before else at_us)
        return worst / 1e6

    @property
    def settle(self) -> float:
        return self._settle(60_000)

    @property
    def settle100(self) -> float:
        return self._settle(100_000)

    def use(self, site: int, begin_us: int, end_us: int, way: str = "down") -> float:
        """Return the share of a line that was used."""
        line = self.meeting.down[site] if way == "down" else self.meeting.up[site]
        pairs = zip(line.times_us, line.carried_bytes, strict=True)
        carried = sum(size for at, size in pairs if begin_us <= at < end_us)
        return carried * 8e6 / (end_us - begin_us) / line.rate_bps

    @property
    def line1_down_1s_max_share_of_C(self) -> float:  # noqa: N802 - as the table spells it
        return self._most_of_1s(self.meeting.down[1])

    def _most_of_1s(self, line: AccessLine) -> float:
        seconds = Counter[int]()
        for at, size in zip(line.times_us, line.carried_bytes, strict=True):
            seconds[at // 1_000_000] += size * 8
        return max(seconds.values()) / line.rate_bps

    @property
    def uplink_share_of_C_after(self) -> float:  # noqa: N802
        return self.use(1, 20_000_000, self.end_us, "up")

    # ---- estimates

    @property
    def cuts(self) -> int:
        return sum(site.cuts for site in self.wiring.sites.values())

    @property
    def est_share_of_C(self) -> float:  # noqa: N802
        shares = []
        for site in self.wiring.sites.values():
            rows = [down for at, down in site.estimates if at >= WARM_US]
            shares.append(sum(rows) / len(rows) / (site.down_bps or 1))
        return min(shares)

    # ---- pictures

    @cached_property
    def eyes(self) -> list[tuple[Member, Eye, Sink]]:
        return [
            (member, eye, self.engine.sinks[sink])
            for member in self.meeting.members
            for sink, eye in member.eyes.items()
        ]

    def rate(self, eye: Eye, begin_us: int, end_us: int) -> float:
        """Return bit/s of payload."""
        got = sum(size for at, size, _ in eye.bytes_log if begin_us <= at < end_us)
        return got * 8e6 / max(end_us - begin_us, 1)

    @property
    def video_share_of_offer(self) -> float:
        """Of what the codecs were said to offer, headers aside; the least of all viewers."""
        return min(
            self.rate(eye, WARM_US, self.end_us) / self._offer(sink)
            for _, eye, sink in self.eyes
            if self._offer(sink)
        )

    def _offer(self, sink: Sink) -> int:
        seen = self.wiring.members[self.meeting.seen[sink.sink]]
        return seen.offer_bps if isinstance(seen, Codec) else 0

    @property
    def frame_delay_max_ms(self) -> float:
        """From camera to screen, of frames later than the first 2 s."""
        return (
            max(
                delay
                for member, eye, _ in self.eyes
                for at, delay in zip(eye.shown_us, eye.delays_us, strict=True)
                if at > member.joined_us + 2_000_000
            )
            / 1e3
        )

    @property
    def first_picture_s(self) -> float:
        """The longest anybody waited for a first picture in the place of the speaker."""
        return (
            max(
                (eye.shown_us[0] if eye.shown_us else self.end_us)
                - max(eye.wanted_us, self._source_began_us(sink))
                for _, eye, sink in self.eyes
                if sink.picture_class is PictureClass.MAIN
            )
            / 1e6
        )

    def _source_began_us(self, sink: Sink) -> int:
        return self.wiring.members[self.meeting.seen[sink.sink]].joined_us

    @property
    def flips(self) -> float:
        """Changes of layer of the worst place, a minute, from 10 s on."""
        minutes = max(self.end_us - WARM_US, 1) / 60e6
        spoken = [at for at, _ in self.meeting.speakers]
        return max(
            (
                sum(
                    at > max(WARM_US, member.joined_us + WARM_US)
                    and all(not 0 <= at - one < 3_000_000 for one in spoken)
                    for at in sink.changes
                )
                / minutes
                for member, _, sink in self.eyes
            ),
            default=0,
        )

    @property
    def kf(self) -> float:
        whole = sum(size for _, eye, _ in self.eyes for _, size, _ in eye.bytes_log)
        key = sum(size for _, eye, _ in self.eyes for _, size, is_key in eye.bytes_log if is_key)
        return key / max(whole, 1)

    @property
    def freeze(self) -> float:
        """The longest a browser's large picture stood still while it was given one."""
        return max((self._freeze(eye, sink) for _, eye, sink in self._large()), default=0.0)

    def _large(self) -> Iterator[tuple[Member, Eye, Sink]]:
        for member, eye, sink in self.eyes:
            if sink.picture_class is PictureClass.MAIN and member.is_browser:
                yield member, eye, sink

    def _freeze(self, eye: Eye, sink: Sink) -> float:
        paused = self._paused(sink.sink)
        times = [at for at in eye.shown_us if at > eye.wanted_us + 2_000_000]
        worst = 0
        for before, after in zip(times, [*times[1:], self.end_us], strict=True):
            if after - before > worst and not any(a < after and before < b for a, b in paused):
                worst = after - before
        return worst / 1e6

    def _paused(self, sink: SinkId) -> list[tuple[int, int]]:
        """Return when it was given nothing, or single pictures, and a second beyond."""
        spans, since = [], None
        for at_us, order in self.wiring.orders:
            if isinstance(order, Give) and order.sink == sink:
                off = order.layer is None or order.rung is Rung.STILL
                if off and since is None:
                    since = at_us
                elif not off and since is not None:
                    spans.append((since, at_us + 1_000_000))
                    since = None
        return [*spans, (since, self.end_us)] if since is not None else spans

    @property
    def recover(self) -> float:
        """From the last event until the pictures of site 1 have 90 % of what they had before."""
        before = self._site1_rate(self.first_event_us - 10_000_000, self.first_event_us)
        at_us = self.last_event_us
        while at_us + 1_000_000 <= self.end_us:
            if self._site1_rate(at_us, at_us + 1_000_000) >= 0.9 * before:
                return (at_us - self.last_event_us) / 1e6
            at_us += 250_000
        return self.end_us / 1e6

    def _site1_rate(self, begin_us: int, end_us: int) -> float:
        return sum(
            self.rate(eye, begin_us, end_us) for member, eye, _ in self.eyes if member.site == 1
        )

    @property
    def rtx_share(self) -> float:
        repairs = sum(sink.repairs for _, _, sink in self.eyes)
        return repairs / max(sum(sink.sequence for _, _, sink in self.eyes), 1)

    # ---- key frames

    @property
    def keyframe_requests_per_source_max(self) -> int:
        return max(len(asks) for one in self.wiring.senders.values() for asks in one.asks.values())

    @property
    def keyframe_interval_min_s(self) -> float:
        """The least distance of key frames of a source, from 10 s on."""
        gaps = [
            later - earlier
            for source in self.engine.sources.values()
            for earlier, later in pairwise(source.keyframes_us)
            if earlier > WARM_US
        ]
        return min(gaps, default=self.end_us) / 1e6

    # ---- the ladder

    def spans(self, sink: SinkId) -> list[tuple[int, int, Give]]:
        """Return what a place was given: (from, until, order)."""
        rows = [
            (at, order)
            for at, order in self.wiring.orders
            if isinstance(order, Give) and order.sink == sink
        ]
        ends = [*(at for at, _ in rows[1:]), self.end_us]
        return [(at, end, order) for (at, order), end in zip(rows, ends, strict=False)]

    @property
    def stage_before_thumbnails(self) -> bool:
        """Whether no small picture was given for 2 s while the large one was below its best."""
        for member in self.meeting.members:
            mine = [sink for _, _, sink in self.eyes if sink.viewer is member]
            small = [one for one in mine if one.picture_class is PictureClass.THUMBNAIL]
            for stage in mine:
                if stage.picture_class is not PictureClass.MAIN:
                    continue
                for begin, end in self._below_best(stage.sink):
                    if any(self._given(one.sink, begin + 2_000_000, end) for one in small):
                        return False
        return True

    def _below_best(self, sink: SinkId) -> Iterator[tuple[int, int]]:
        for at, end, order in self.spans(sink):
            if order.rung not in (Rung.FULL, Rung.NO_THUMBNAILS) and end - at > 2_000_000:
                yield at, end

    def _given(self, sink: SinkId, begin_us: int, end_us: int) -> bool:
        return any(
            order.layer is not None and at < end_us and begin_us < end
            for at, end, order in self.spans(sink)
        )

    @property
    def video_floor_or_audio_only(self) -> bool:
        """Whether no large picture of site 1 stood still for 5 s without the word of a pause."""
        return all(
            self._freeze(eye, sink) < 5.0 for _, eye, sink in self._large() if sink.viewer.site == 1
        )

    @property
    def rungs_monotone(self) -> bool:
        """Down while the line falls, up while it rises, of steps that last 3 s."""
        times = [one.t * 1e6 for one in self.scenario.events]
        rates = [one.rate for one in self.scenario.events]
        turn = times[rates.index(min(rates))] + 15_000_000
        for _, _, sink in self._large():
            if sink.viewer.site == 1:
                lasting = [(at, o) for at, end, o in self.spans(sink.sink) if end - at > 3_000_000]
                down = [order.rung.depth for at, order in lasting if WARM_US < at < turn]
                up = [order.rung.depth for at, order in lasting if at > turn]
                if down != sorted(down) or up != sorted(up, reverse=True):
                    return False
        return True

    @property
    def upward_steps_apart_s(self) -> float:
        """The least time between two steps up of one place, from 10 s on."""
        least = self.end_us
        for _, _, sink in self.eyes:
            rows = [(at, order) for at, _, order in self.spans(sink.sink) if at > WARM_US]
            ups = [b[0] for a, b in pairwise(rows) if b[1].rung.depth < a[1].rung.depth]
            least = min([least, *(b - a for a, b in pairwise(ups))])
        return least / 1e6

    @property
    def audio_only_at(self) -> float:
        """The highest rate of the line at whose end site 1 had no picture at all."""
        worst, events = 0.0, self.scenario.events
        ends = [*(one.t for one in events[1:]), self.end_us / 1e6]
        for event, end in zip(events, ends, strict=True):
            rungs = []
            for _, _, sink in self._large():
                rows = [order for at, _, order in self.spans(sink.sink) if at < end * 1e6]
                if rows and sink.viewer.site == 1:
                    rungs.append(rows[-1].rung)
            if all(one.depth >= Rung.SOUND_ONLY.depth for one in rungs):
                worst = max(worst, event.rate)
        return worst

    @property
    def full_again_s(self) -> float:
        """From the last event until every place of site 1 is where it was before the first."""
        worst = 0
        start_us = max(self.first_event_us, WARM_US) + 5_000_000
        for _, _, sink in self.eyes:
            rows = self.spans(sink.sink)
            if sink.viewer.site != 1 or not rows:
                continue
            before = [order.rung for at, _, order in rows if at <= start_us][-1]
            if rows[-1][2].rung is not before:
                return self.end_us / 1e6
            again = [at for at, _, o in rows if at > self.last_event_us and o.rung is before]
            worst = max([worst, *(at - self.last_event_us for at in again[:1])])
        return worst / 1e6

    # ---- slides

    @property
    def content_visible_s(self) -> float:
        begin = min(one.joined_us for one in self.meeting.slides)
        return (
            max(
                (eye.shown_us[0] if eye.shown_us else self.end_us) - begin
                for _, eye, sink in self.eyes
                if sink.picture_class is PictureClass.SLIDES
            )
            / 1e6
        )

    @property
    def content_full_resolution(self) -> bool:
        """Whether slides were never paused while they were shown."""
        names = {one.name for one in self.meeting.slides}
        end = int(quantity_of_end(self))
        return all(
            order.layer is not None
            for sink, seen in self.meeting.seen.items()
            if seen in names
            for at, _, order in self.spans(sink)
            if at < end and at > min(one.joined_us for one in self.meeting.slides) + 500_000
        )

    @property
    def thumbnails_go_first(self) -> bool:
        return self.stage_before_thumbnails

    # ---- the scene of benchmarks/line: steady 15-40 s, low 45-60, back 60-80, loss 80-100

    @property
    def use_steady(self) -> float:
        return min(self.use(one, 15_000_000, 40_000_000) for one in self.meeting.down)

    @property
    def use_low(self) -> float:
        """Of half the rate; the last 10 s, when all has settled."""
        return min(2 * self.use(one, 48_000_000, 60_000_000) for one in self.meeting.down)

    @property
    def use_line1_late(self) -> float:
        return self.use(1, self.end_us // 2, self.end_us)

    @property
    def _steady_us(self) -> tuple[int, int]:
        return 15_000_000, min(self.first_event_us, self.end_us)

    @property
    def video_steady_kbps(self) -> float:
        """Of the poorest place."""
        return min(self.rate(eye, *self._steady_us) for _, eye, _ in self.eyes) / 1e3

    @property
    def fps_steady(self) -> float:
        begin, end = self._steady_us
        shown = [sum(begin <= at < end for at in eye.shown_us) for _, eye, _ in self.eyes]
        return min(shown) * 1e6 / (end - begin)

    def _fps_of(self, kept: Callable[[Sink], bool]) -> list[float]:
        begin, end = self._steady_us
        return [
            sum(begin <= at < end for at in eye.shown_us) * 1e6 / (end - begin)
            for _, eye, sink in self.eyes
            if kept(sink)
        ]

    @property
    def _thinnest(self) -> LineId:
        return min(self.wiring.sites.values(), key=lambda one: one.down_bps or 1e12).line.line

    @property
    def thin_fps_least(self) -> float:
        """Of the places behind the thinnest line, the one with the fewest pictures."""
        return min(self._fps_of(lambda sink: sink.line.line == self._thinnest))

    @property
    def thin_fps_most(self) -> float:
        return max(self._fps_of(lambda sink: sink.line.line == self._thinnest))

    @property
    def fat_fps(self) -> float:
        """Of all other places, the one with the fewest."""
        return min(self._fps_of(lambda sink: sink.line.line != self._thinnest))

    @property
    def thin_height(self) -> int:
        """Lines of the smallest picture behind the thinnest line, at the end."""
        heights = {
            layer.source: layer.height
            for member in self.meeting.members
            if isinstance(member, Browser)
            for layer in member.layers
        }
        return min(
            heights.get(sink.source, 0) if sink.source is not None else 0
            for _, _, sink in self.eyes
            if sink.line.line == self._thinnest
        )

    def _steady_waits(self) -> list[int]:
        begin, end = self._steady_us
        lines = self.meeting.down.values()
        return [wait for line in lines for at, wait in _waits(line) if begin <= at < end]

    @property
    def q_p95_steady(self) -> float:
        return percentile(self._steady_waits(), 0.95) / 1e3

    @property
    def q_max_steady(self) -> float:
        return max(self._steady_waits()) / 1e3

    @property
    def step_settle(self) -> float:
        """From the first event until the queue was under 60 ms again, the worst line."""
        worst, begin = 0, self.first_event_us
        for line in self.meeting.down.values():
            over = [
                at for at, wait in _waits(line) if begin <= at < begin + 5_000_000 and wait > 60_000
            ]
            worst = max([worst, *(at - begin for at in over[-1:])])
        return worst / 1e6

    def _concealed(self, begin_s: float, end_s: float) -> float:
        span = int(begin_s * 1e6), int(end_s * 1e6)
        shares = [one.ear.concealed_share(*span) for one in self.meeting.members]
        return sum(shares) / len(shares)

    @property
    def concealed_step(self) -> float:
        return self._concealed(40, 45)

    @property
    def concealed_low(self) -> float:
        return self._concealed(45, 60)

    @property
    def concealed_loss(self) -> float:
        return self._concealed(80, 100)

    # ---- who sees what

    def _heights(self, which: PictureClass) -> Iterator[list[int]]:
        """Yield, for each browser, the heights of what its places show at the end."""
        heights = {
            layer.source: layer.height
            for member in self.meeting.members
            if isinstance(member, Browser)
            for layer in member.layers
        }
        for member in self.meeting.members:
            mine = [sink for _, _, sink in self.eyes if sink.viewer is member]
            if member.is_browser:
                yield [
                    heights.get(sink.source, 720)
                    for sink in mine
                    if sink.picture_class is which and sink.source is not None
                ]

    @property
    def top_layer(self) -> bool:
        """Whether all large pictures are 720p at the end."""
        return all(one == [720] for one in self._heights(PictureClass.MAIN))

    @property
    def stage_height(self) -> int:
        """The smallest large picture of all, in lines."""
        return min(min(one, default=0) for one in self._heights(PictureClass.MAIN))

    @property
    def small_pictures(self) -> int:
        """How many small ones each browser has at least."""
        return min(len(one) for one in self._heights(PictureClass.THUMBNAIL))

    @property
    def server_up_1s_max_share_of_C(self) -> float:  # noqa: N802
        return self._most_of_1s(self.meeting.up[0])

    # ---- senders

    @property
    def uplink_capped_s(self) -> float:
        """Until what a site sends stays within its line: no packet waits 60 ms any more."""
        line = self.meeting.up[1]
        return max([at for at, wait in _waits(line) if wait > 60_000 or wait < 0], default=0) / 1e6

    @property
    def unrequested_layers_stopped_s(self) -> float:
        """Until layers nobody ever watched stop at the source."""
        given = {order.layer for _, order in self.wiring.orders if isinstance(order, Give)}
        worst = 0
        for source in self.engine.sources.values():
            if source.source not in given and isinstance(source.member, Browser):
                worst = max(worst, source.last_us - source.member.joined_us)
        return worst / 1e6

    @property
    def flagged_deaf_s(self) -> float:
        """When an order first said that somebody does not obey."""
        reasons = ((at, getattr(order, "reason", None)) for at, order in self.wiring.orders)
        deaf = [at for at, reason in reasons if reason is not None and reason.why is Why.DEAF]
        return min(deaf, default=self.end_us) / 1e6

    # ---- who is asked for no picture

    def _stops(self) -> dict[MemberId, list[tuple[int, bool]]]:
        """Return when each was stopped (True) or let back."""
        found: dict[MemberId, list[tuple[int, bool]]] = {}
        for at, order in self.wiring.orders:
            if isinstance(order, StopPicture):
                found.setdefault(order.member, []).append((at, order.stopped))
        return found

    @property
    def stopped_s(self) -> float:
        """From the first event until the last of those it concerns was stopped first."""
        firsts = [times[0][0] for times in self._stops().values()]
        return (max(firsts, default=self.end_us) - self.first_event_us) / 1e6

    @property
    def stopped_before(self) -> bool:
        """Whether anybody was stopped on a line that had not changed yet."""
        return any(times[0][0] < self.first_event_us for times in self._stops().values())

    @property
    def stops_most(self) -> int:
        """How often the same picture was stopped."""
        return max(sum(stop for _, stop in times) for times in self._stops().values())

    @property
    def back_s(self) -> float:
        """From the last event until the last of them sends again."""
        lasts = [self.end_us if times[-1][1] else times[-1][0] for times in self._stops().values()]
        return (max(lasts) - self.last_event_us) / 1e6

    @property
    def up_settle(self) -> float:
        """As `step_settle`, on the way up."""
        begin = self.first_event_us
        times = [
            at
            for line in self.meeting.up.values()
            for at, wait in _waits(line)
            if begin <= at < begin + 20_000_000 and not 0 <= wait <= 60_000
        ]
        return (max(times, default=begin) - begin) / 1e6

    @property
    def catch_up_packets_max(self) -> int:
        return self.engine.worst_batch

    @property
    def replay_audio_kept(self) -> bool:
        return self.audio_loss_share == 0


def quantity_of_end(measures: Measures) -> float:
    """Return when slides go away, in us."""
    return max(one.number("to") for one in measures.scenario.media) * 1e6


def _waits(line: AccessLine) -> Iterator[tuple[int, int]]:
    return zip(line.times_us, line.waits_us, strict=True)
