"""Access lines as a scrape sees them: labels `site` and `line`, as they were configured."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from prometheus_client.core import Metric

from sfu.metrics.family import Samples, counter, gauge
from sfu.metrics.readings import LineFigures
from sfu.model import Protocol

LABELS = ["site", "line"]
GAUGES: dict[str, tuple[str, Callable[[LineFigures], float]]] = {
    "sfu_line_estimate_bps": (
        "What a line bears now of what we send.", lambda one: one.estimate_bps,
    ),
    "sfu_line_estimate_up_bps": (
        "What a line bears now of what is sent to us.", lambda one: one.estimate_up_bps,
    ),
    "sfu_line_paced_bps": ("What the pacer holds a line to.", lambda one: one.paced_bps),
    "sfu_line_wanted_bps": (
        "With which everybody behind a line had all he asks for.", lambda one: one.wanted_bps,
    ),
    "sfu_line_queue_seconds": (
        "Wait in a line's own queue, as measured.", lambda one: one.queue_s,
    ),
    "sfu_line_pacer_wait_seconds": (
        "Longest wait in our pacer in some twenty seconds.", lambda one: one.worst_wait_s,
    ),
    "sfu_line_pacer_waiting_bytes": (
        "Bytes of pictures that wait for a line now.", lambda one: one.waiting_bytes,
    ),
}  # fmt: skip
COUNTERS: dict[str, tuple[str, Callable[[LineFigures], float]]] = {
    "sfu_line_received_bytes": (
        "Line bytes that came over a line.", lambda one: one.received_bytes,
    ),
    "sfu_line_dropped_packets": (
        "Packets of pictures that were too old to be sent.", lambda one: one.dropped,
    ),
    "sfu_line_starved": (
        "Pictures that were dropped and wait for a key frame.", lambda one: one.starved,
    ),
    "sfu_line_probes": ("Probes for room on a line.", lambda one: one.probes),
    "sfu_line_cuts": ("Times less was found than before.", lambda one: one.cuts),
    "sfu_line_pictures_stopped": (
        "Pictures stopped at their source, which heeded no limit.", lambda one: one.stopped,
    ),
}  # fmt: skip


def lines(figures: Sequence[LineFigures]) -> Iterator[Metric]:
    """Yield all families of lines."""

    def of_each(value: Callable[[LineFigures], float]) -> Samples:
        return [((one.site, one.name), value(one)) for one in figures]

    yield gauge(
        "sfu_line_capacity_bps",
        "The rate of a line, as configured.",
        [
            ((one.site, one.name, direction), rate)
            for one in figures
            for direction, rate in (("send", one.send_bps), ("receive", one.receive_bps))
        ],
        [*LABELS, "direction"],
    )
    for name, (text, value) in GAUGES.items():
        yield gauge(name, text, of_each(value), LABELS)
    for name, (text, value) in COUNTERS.items():
        yield counter(name, text, of_each(value), LABELS)
    yield gauge(
        "sfu_line_members",
        "Members behind a line, before a door too.",
        [
            ((one.site, one.name, each.value), one.members.get(each, 0))
            for one in figures
            for each in Protocol
        ],
        [*LABELS, "protocol"],
    )
    yield counter(
        "sfu_line_sent_bytes",
        "Line bytes we sent, headers and cells included.",
        _split(figures, lambda one: one.sent_bytes),
        [*LABELS, "class"],
    )
    yield counter(
        "sfu_line_steps",
        "Steps of the ladder that viewers behind a line took.",
        _split(figures, lambda one: one.steps),
        [*LABELS, "direction"],
    )
    yield counter(
        "sfu_line_admissions",
        "Calls weighed against a line.",
        _split(figures, lambda one: one.admissions),
        [*LABELS, "outcome"],
    )
    yield gauge(
        "sfu_line_sound_twice",
        "1 where speech is sent twice, as the line loses and has room.",
        _split(figures, lambda one: {way: int(twice) for way, twice in one.twice.items()}),
        [*LABELS, "direction"],
    )
    yield gauge(
        "sfu_line_pictures",
        "Places for pictures by what they are given and why.",
        [
            ((one.site, one.name, rung, why), number)
            for one in figures
            for (rung, why), number in one.pictures.items()
        ],
        [*LABELS, "rung", "why"],
    )


def _split(
    figures: Sequence[LineFigures], values: Callable[[LineFigures], Mapping[str, int]]
) -> Samples:
    return [
        ((one.site, one.name, label), number)
        for one in figures
        for label, number in values(one).items()
    ]
