"""From readings to Prometheus families, at scrape time.

Names are `sfu_<noun>_<quantity>_<unit>[_total]`; labels are kind, protocol, reason, worker, by,
outcome, trunk, step, site, way and line, so the number of series does not grow with rooms, members
or streams.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from sfu.media.engine.snapshot import LATENCY_BUCKETS_US, EngineRow, Snapshot
from sfu.metrics.bookings import bookings
from sfu.metrics.family import counter, gauge, labelled
from sfu.metrics.h323 import h323
from sfu.metrics.ledger import ledger
from sfu.metrics.lines import lines
from sfu.metrics.readings import Readings
from sfu.metrics.service import service
from sfu.metrics.totals import Totals, name_of
from sfu.model import Codec, Kind, Protocol, SinkId
from sfu.signalling.call import End

DIALECTS = ("pli", "fir", "info", "tmmbr", "remb", "reoffer", "page")
LINES_REFUSED = (
    "picture_line",
    "picture_transcoding",
    "picture_encryption",
    "dtls_unanswered",
    "dtls_refused",
)
"""Why a line of a room codec came to nothing."""
WAYS = ("udp", "tcp", "relay", "none")
WISHES = ("picture", "less")
KINDS = [name_of(kind) for kind in Kind]

SOURCE_TOTALS = {
    "packets": ("sfu_source_packets", "RTP packets received."),
    "bytes": ("sfu_source_bytes", "Bytes of RTP received."),
    "lost": ("sfu_source_lost_packets", "Packets lost on the way to us (RFC 3550)."),
    "keyframes": ("sfu_source_keyframes", "Key frames received."),
    "nacks_sent": ("sfu_source_nacks", "Packets we asked for again."),
    "repaired": ("sfu_source_repaired_packets", "Packets that came by retransmission."),
    "recovered": ("sfu_source_recovered_packets", "Lost sounds found in the packet behind them."),
}
SINK_TOTALS = {
    "packets": ("sfu_sink_packets", "RTP packets sent."),
    "octets": ("sfu_sink_payload_bytes", "Bytes of RTP payload sent."),
    "nacks_received": ("sfu_sink_nacks", "Packets we were asked for again."),
    "retransmitted": ("sfu_sink_retransmitted_packets", "Packets we sent again."),
    "dropped": ("sfu_sink_dropped_packets", "Packets the receiver could not have taken."),
    "redundant": ("sfu_sink_redundant_packets", "Packets sent with the sound before in them."),
}
TRANSPORT_TOTALS = {
    "auth_failed": ("sfu_transport_unauthentic_packets", "SRTP packets that failed the check."),
    "replayed": ("sfu_transport_replayed_packets", "SRTP packets that came twice."),
    "refused": ("sfu_transport_refused_packets", "Malformed, or from a foreign address."),
    "received_rtcp": ("sfu_transport_received_rtcp_packets", "RTCP packets received."),
    "sent_rtcp": ("sfu_transport_sent_rtcp_packets", "RTCP packets sent."),
}
SOCKET_TOTALS = {
    "received_packets": ("sfu_socket_received_packets", "Datagrams received."),
    "received_bytes": ("sfu_socket_received_bytes", "Bytes of datagrams received."),
    "sent_packets": ("sfu_socket_sent_packets", "Datagrams sent."),
    "sent_bytes": ("sfu_socket_sent_bytes", "Bytes of datagrams sent."),
    "unknown_packets": ("sfu_socket_unknown_packets", "From strangers or of no protocol we know."),
    "kernel_dropped": ("sfu_socket_dropped_packets", "Dropped by the kernel: we read too late."),
    "send_errors": ("sfu_socket_unsent_packets", "Datagrams the kernel did not take."),
    "gso_packets": ("sfu_socket_gso_packets", "Datagrams sent by segmentation offload."),
}


class Metrics(Collector):
    """The server's metrics: fed by each tick, asked by each scrape."""

    def __init__(self, read: Callable[[], Readings]) -> None:
        """Ask `read` at every scrape, and never before."""
        self._read = read
        self._totals = Totals()
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def observe(self, snapshot: Snapshot, sink_kinds: Mapping[SinkId, Kind]) -> None:
        """Count what a tick's snapshot shows, so that short calls are not missed."""
        self._totals.observe(snapshot, sink_kinds)

    def exposition(self) -> bytes:
        """Return the page of /metrics, Prometheus text format 0.0.4."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Yield all families; the registry calls this."""
        readings = self._read()
        self._totals.observe(readings.snapshot, readings.sink_kinds)
        yield from _meetings(readings)
        yield from _streams(readings)
        yield from self._traffic()
        yield from _engine(readings)
        yield from _workers(readings)
        yield from _trunks(readings)
        yield from lines(readings.lines)
        yield from h323(readings)
        yield from ledger(readings.ledger)
        yield from bookings(readings.bookings)
        yield from service(readings.service)

    def _traffic(self) -> Iterator[Metric]:
        totals = self._totals
        for field, (name, text) in SOURCE_TOTALS.items():
            by_kind = [((kind,), totals.sources.sum_of(field, kind)) for kind in KINDS]
            yield counter(name, text, by_kind, ["kind"])
        for field, (name, text) in SINK_TOTALS.items():
            by_kind = [((kind,), totals.sinks.sum_of(field, kind)) for kind in KINDS]
            yield counter(name, text, by_kind, ["kind"])
        for field, (name, text) in TRANSPORT_TOTALS.items():
            yield counter(name, text, [((), totals.transports.sum_of(field))])
        for field, (name, text) in SOCKET_TOTALS.items():
            yield counter(name, text, [((), totals.sockets.sum_of(field))])


def _meetings(readings: Readings) -> Iterator[Metric]:
    def by_protocol(counts: Mapping[Protocol, int]) -> list[tuple[tuple[str, ...], float]]:
        return [((p.value,), counts.get(p, 0)) for p in Protocol]

    yield gauge("sfu_rooms", "Rooms with a member in them.", [((), readings.rooms)])
    yield gauge("sfu_members", "Members in rooms.", by_protocol(readings.members), ["protocol"])
    yield gauge("sfu_calls", "Calls that are up.", by_protocol(readings.calls), ["protocol"])
    ends = [
        ((p.value, end.value), readings.call_ends.get((p, end), 0)) for p in Protocol for end in End
    ]
    yield counter("sfu_call_ends", "Calls that ended.", ends, ["protocol", "reason"])
    yield counter(
        "sfu_transfers",
        "Calls that went on elsewhere, or should have.",
        sorted(readings.transfers.items()),
        ["by", "outcome"],
    )
    yield counter(
        "sfu_keyframe_requests",
        "Key frames we asked sources for.",
        by_protocol(readings.keyframe_requests),
        ["protocol"],
    )
    yield from _wishes(readings)
    yield gauge("sfu_registrations", "Endpoints registered.", [((), readings.registrations)])
    yield counter(
        "sfu_sip_refused",
        "Messages, calls and connections of SIP that were too many.",
        labelled(readings.sip_refused),
        ["reason"],
    )
    yield gauge(
        "sfu_sip_connections", "TCP and TLS connections of SIP.", [((), readings.sip_connections)]
    )
    yield counter(
        "sfu_web_refused",
        "Connections to the page's ports that were too many or too slow.",
        labelled(readings.web_refused),
        ["reason"],
    )
    yield gauge(
        "sfu_web_connections",
        "Connections to the page's ports.",
        [((), readings.web_connections)],
    )
    yield gauge(
        "sfu_browsers",
        "Pages in rooms, by the way their media comes.",
        [((way,), readings.ways.get(way, 0)) for way in WAYS],
        ["way"],
    )
    yield gauge(
        "sfu_media_connections",
        "Connections of browsers' media over TCP.",
        [((), readings.media_connections)],
    )
    yield gauge("sfu_waiting", "Who waits before held rooms.", [((), readings.waiting)])
    yield counter(
        "sfu_turned_away",
        "Who waited before held rooms and was not let in.",
        [((), readings.turned_away)],
    )
    yield counter(
        "sfu_webhook_messages",
        "Messages to webhooks: taken, not taken yet, given up.",
        sorted(readings.webhooks.items()),
        ["webhook", "outcome"],
    )


def _wishes(readings: Readings) -> Iterator[Metric]:
    yield counter(
        "sfu_codec_lines_refused",
        "Lines of room codecs that came to nothing.",
        [((reason,), readings.lines_refused.get(reason, 0)) for reason in LINES_REFUSED],
        ["reason"],
    )
    yield counter(
        "sfu_wishes_sent",
        "Wishes for a picture or for less we sent, by how they were said.",
        [((dialect,), readings.wishes_said.get(dialect, 0)) for dialect in DIALECTS],
        ["dialect"],
    )
    yield counter(
        "sfu_wishes_received",
        "Wishes for a picture or for less that receivers sent.",
        [((wish,), readings.wishes_heard.get(wish, 0)) for wish in WISHES],
        ["wish"],
    )
    yield gauge(
        "sfu_member_video",
        "Members by how their picture fares and by who made their device.",
        [((p.value, state.value, maker), n) for (p, state, maker), n in readings.videos.items()],
        ["protocol", "state", "maker"],
    )


def _streams(readings: Readings) -> Iterator[Metric]:
    snapshot = readings.snapshot
    sources = [(row.codec, row.jitter) for row in snapshot.sources.values()]
    known = [(codec, jitter) for codec, jitter in sources if codec is not None]
    counts = dict.fromkeys(KINDS, 0)
    jitters = dict.fromkeys(KINDS, 0.0)
    for codec, jitter in known:
        kind = name_of(codec.kind)
        counts[kind] += 1
        jitters[kind] = max(jitters[kind], jitter / codec.clock_hz)
    yield gauge("sfu_sources", "Streams received.", labelled(counts), ["kind"])
    codecs = Counter(codec for codec, _ in known)
    by_codec = [((name_of(one.kind), one.name.lower()), codecs[one]) for one in Codec]
    yield gauge("sfu_source_codecs", "Streams received, by codec.", by_codec, ["kind", "codec"])
    yield gauge(
        "sfu_source_jitter_seconds", "Worst jitter of a source.", labelled(jitters), ["kind"]
    )
    sinks = dict.fromkeys(KINDS, 0)
    for sink in snapshot.sinks:
        if sink in readings.sink_kinds:
            sinks[name_of(readings.sink_kinds[sink])] += 1
    yield gauge("sfu_sinks", "Streams sent.", labelled(sinks), ["kind"])
    waiting = sum(row.waiting for row in snapshot.sinks.values())
    yield gauge("sfu_sinks_waiting", "Sinks that wait for a key frame.", [((), waiting)])
    yield gauge("sfu_transports", "Peers media goes to.", [((), len(snapshot.transports))])
    yield gauge("sfu_sockets", "Datagram sockets open.", [((), len(snapshot.sockets))])


def _engine(readings: Readings) -> Iterator[Metric]:
    engine = readings.snapshot.engine
    yield _forwarding(engine)
    yield counter(
        "sfu_engine_lost_events", "Events nobody fetched in time.", [((), engine.events_lost)]
    )
    yield counter(
        "sfu_engine_handed_lost",
        "Packets one thread of the engine did not take from another in time.",
        [((), engine.handed_lost)],
    )
    yield gauge(
        "sfu_engine_realtime", "1 while it runs under SCHED_FIFO.", [((), float(engine.realtime))]
    )
    yield gauge(
        "sfu_egress_lag_seconds",
        "How late the event loop lets outputs go.",
        [((), readings.egress_lag_s)],
    )


def _forwarding(engine: EngineRow) -> Metric:
    bounds = [repr(us / 1e6) for us in LATENCY_BUCKETS_US]
    counts = list(accumulate(engine.latency_counts)) or [0] * (len(bounds) + 1)
    family = HistogramMetricFamily(
        "sfu_engine_forwarding_seconds", "From the kernel's receive stamp to after the send call."
    )
    buckets = list(zip([*bounds, "+Inf"], counts, strict=True))
    family.add_metric([], buckets=buckets, sum_value=engine.latency_sum_us / 1e6)
    return family


def _workers(readings: Readings) -> Iterator[Metric]:
    alive, legs, delays = [], [], []
    for worker in readings.workers:
        alive.append(((worker.name,), float(worker.alive)))
        legs.append(((worker.name,), float(worker.legs)))
        delays.append(((worker.name,), worker.delay_s))
    yield gauge("sfu_worker_alive", "1 while the process answers.", alive, ["worker"])
    yield gauge("sfu_worker_legs", "Members a worker mixes for.", legs, ["worker"])
    yield gauge("sfu_worker_delay_seconds", "How late mixed sound leaves.", delays, ["worker"])


def _trunks(readings: Readings) -> Iterator[Metric]:
    trunks = readings.trunks
    yield gauge(
        "sfu_trunk_registered",
        "1 while a registration of ours holds.",
        [((one.name,), float(one.registered)) for one in trunks],
        ["trunk"],
    )
    yield gauge(
        "sfu_trunk_status",
        "SIP status of the last answer to our REGISTER.",
        [((one.name,), float(one.status)) for one in trunks],
        ["trunk"],
    )
    yield gauge(
        "sfu_trunk_expires_seconds",
        "How long our registration holds if it is not refreshed.",
        [((one.name,), one.expires_in_s) for one in trunks],
        ["trunk"],
    )
    yield counter(
        "sfu_trunk_failures",
        "Tries without a registration, and registrations lost.",
        [((one.name,), float(one.failures)) for one in trunks],
        ["trunk"],
    )
