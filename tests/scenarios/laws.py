"""What holds in every meeting, whatever happens; each law returns what breaks it, in words."""

from collections import deque
from collections.abc import Iterator
from functools import partial
from itertools import islice, pairwise

from sfu.media.allocation.output import Give
from sfu.media.allocation.rung import Why
from tests.scenarios.engine import Line
from tests.scenarios.measure import Measures

WINDOW_US = 100_000
OVER = 1.05
PACKETS = 2
"""The pacer's own grain: one packet under way, and one that a pause has earned."""
PACKET_BYTES = 1431
SOUNDS_BYTES = 530
"""Two sounds in cells: they wait for nothing, so the last of a window may come on top."""
ASK_US, ASK_FIRST_US = 200_000, 3_000_000
"""A repeat, while none has come; what begins anew has the budget of `KeyframeRequests`."""
VOLLEY, VOLLEY_US = 3, 40_000
"""What is taken for forgotten is said again so often, so close."""
COUNT_SHARE = 0.02
MOST_WORDS = 3
"""Of one law."""


def broken(measures: Measures, *, egress_after_us: int = 0) -> list[str]:
    """Return all laws that a meeting broke.

    `egress_after_us`: until then more voices may come than the line bears; they wait for nothing.
    """
    laws = (partial(_egress, after_us=egress_after_us), _probes, _asks, _reasons, _count)
    return [words for law in laws for words in islice(law(measures), MOST_WORDS)]


def _egress(measures: Measures, after_us: int) -> Iterator[str]:
    """No 100 ms carry more than 1.05 of the pace, two packets and two sounds.

    Speech is never held back, so where it alone is more than the pace it is what it is; probes are
    the raised rate they were ordered at.
    """
    for number, site in measures.wiring.sites.items():
        if site.line.pacer is None:
            continue
        probes = [(at, at + length + WINDOW_US, rate) for at, rate, length in site.probes]
        found = (one for one in _excess(site.line, probes) if one[1] >= after_us)
        worst = max(found, default=(0.0, 0))
        if worst[0] > 0:
            at_s = worst[1] / 1e6
            yield f"line {number}: {worst[0]:.0f} bytes too many in 100 ms at {at_s:.2f} s"


def _excess(line: Line, probes: list[tuple[int, int, int]]) -> Iterator[tuple[float, int]]:
    window: deque[tuple[int, int, int]] = deque()
    total = 0
    for at_us, size, rate in line.out:
        window.append((at_us, size, rate))
        total += size
        while window[0][0] <= at_us - WINDOW_US:
            total -= window.popleft()[1]
        paced = max(one[2] for one in window)
        for begin, end, probe_bps in probes:
            if begin <= at_us < end:
                paced = max(paced, probe_bps)
        bound = OVER * paced * WINDOW_US / 8e6 + PACKETS * PACKET_BYTES + SOUNDS_BYTES
        if total > bound:
            yield total - bound, at_us


def _probes(measures: Measures) -> Iterator[str]:
    """One probe on a line at a time, never above 1.25 of its rate, never longer than 500 ms."""
    for number, site in measures.wiring.sites.items():
        end_us = 0
        for at_us, rate_bps, length_us in site.probes:
            if at_us < end_us:
                yield f"line {number}: two probes at {at_us / 1e6:.2f} s"
            if site.down_bps and rate_bps > 1.25 * site.down_bps:
                yield f"line {number}: a probe of {rate_bps} bit/s"
            if length_us > 500_000:
                yield f"line {number}: a probe of {length_us / 1e3} ms"
            end_us = at_us + length_us


def _asks(measures: Measures) -> Iterator[str]:
    """Requests to one source keep their distance after its first 3 s, but for one short volley."""
    pairs = ((n, a) for one in measures.wiring.senders.values() for n, a in one.asks.items())
    for source, asks in pairs:
        begun = measures.engine.sources[source].member.joined_us
        volley = 0
        for before, after in pairwise(asks):
            pause_us = after - before
            volley = volley + 1 if pause_us < ASK_US - 1_000 else 0
            if before > begun + ASK_FIRST_US and (volley > VOLLEY or pause_us < VOLLEY_US):
                yield f"source {source}: asked twice in {pause_us / 1e3:.0f} ms"


def _reasons(measures: Measures) -> Iterator[str]:
    """Each pause says why, and what is there is less than what is needed where a line says it."""
    for at_us, order in measures.wiring.orders:
        if isinstance(order, Give) and order.layer is None and order.reason.why is Why.ROOM:
            yield f"sink {order.sink}: paused for no reason at {at_us / 1e6:.2f} s"


def _count(measures: Measures) -> Iterator[str]:
    """Our count of line bytes is the line's own within 2 %, where nobody else sends on it."""
    if "cross" in measures.scenario.run or 0 in measures.meeting.down:
        return
    for number, line in measures.meeting.down.items():
        ours = measures.engine.lines[number + 1].sent_bytes  # type: ignore[index]
        theirs = line.line_bytes
        if not line.dropped and abs(ours - theirs) > COUNT_SHARE * theirs:
            yield f"line {number}: we count {ours} bytes, it carried {theirs}"
