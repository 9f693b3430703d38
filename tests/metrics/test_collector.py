import re
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sfu.media.engine.snapshot import LATENCY_BUCKETS_US, EngineRow, SinkRow, Snapshot, SourceRow
from sfu.media.showing import VideoState
from sfu.metrics import (
    BookingFigures,
    LedgerFigures,
    LineFigures,
    Metrics,
    Readings,
    TrunkFigures,
    WorkerReading,
)
from sfu.model import Codec, Kind, Protocol, SinkId, SourceId, Ssrc, TransportId
from sfu.signalling.call import End

DOCUMENTED = Path(__file__).parents[2] / "docs" / "metrics.md"
ENGINE = EngineRow(
    at_us=1,
    realtime=True,
    events_lost=3,
    handed_lost=4,
    latency_counts=(5, 0, 2, 0, 0, 0, 0, 0, 0, 1),
    latency_sum_us=60_500,
)


def source(number: int, codec: Codec | None, *, packets: int = 0, jitter: int = 0) -> SourceRow:
    return SourceRow(
        source=SourceId(number),
        transport=TransportId(1),
        ssrc=Ssrc(3_735_928_559),
        codec=codec,
        packets=packets,
        bytes=packets * 100,
        lost=0,
        highest_sequence=0,
        jitter=jitter,
        last_timestamp=0,
        last_arrival_us=0,
        keyframes=0,
        level_dbov=127,
        nacks_sent=0,
        repaired=0,
    )


def sink(number: int, *, packets: int, waiting: bool = False) -> SinkRow:
    none = SourceId(1)
    counts = (0, 0, 0, 0, 0, 0, 0)
    return SinkRow(SinkId(number), TransportId(1), none, waiting, Ssrc(7), packets, *counts)


def snapshot(*sources: SourceRow, sinks: tuple[SinkRow, ...] = ()) -> Snapshot:
    rows = {row.source: row for row in sources}
    return Snapshot(ENGINE, sources=rows, sinks={row.sink: row for row in sinks})


READINGS = Readings(
    snapshot=snapshot(
        source(1, Codec.H264, packets=10, jitter=900),
        source(2, Codec.VP8, packets=5, jitter=1800),
        source(3, Codec.G722, packets=7, jitter=80),
        source(4, None),
        sinks=(sink(9, packets=4, waiting=True), sink(8, packets=2)),
    ),
    sink_kinds={SinkId(9): Kind.VIDEO, SinkId(8): Kind.AUDIO},
    rooms=2,
    members={Protocol.SIP: 3, Protocol.WEBRTC: 4},
    calls={Protocol.SIP: 5},
    call_ends={(Protocol.SIP, End.VANISHED): 2},
    transfers={("room", "moved"): 3},
    keyframe_requests={Protocol.WEBRTC: 11},
    wishes_said={"tmmbr": 3},
    wishes_heard={"less": 4},
    videos={(Protocol.SIP, VideoState.STALLED, "sony"): 2},
    registrations=6,
    sip_refused={"messages": 21, "slow": 0},
    sip_connections=3,
    h323_connections=4,
    h323_registrations=2,
    h323_member=(True, 3),
    ras_messages={("rrq", "rejected"): 5},
    web_refused={"handshakes": 5},
    web_connections=6,
    ways={"tcp": 2, "udp": 1},
    media_connections=4,
    waiting=3,
    turned_away=7,
    webhooks={("ledger", "delivered"): 8},
    lines_refused={"dtls_refused": 4},
    egress_lag_s=0.002,
    workers=(WorkerReading("mix-0", alive=True, legs=3, delay_s=0.004),),
    ledger=LedgerFigures(6, {"morez": 2584.0, "other": 4.0}, {"morez": 630.496, "other": 0.976}),
    bookings=BookingFigures(4, {"granted": 5, "taken": 1}, {"called": 8}),
    trunks=(TrunkFigures("pbx", True, 200, 1799.5, 2),),
    lines=(
        LineFigures(
            site="morez", name="morez-2", send_bps=2_000_000, receive_bps=1_000_000,
            estimate_bps=1_400_000, estimate_up_bps=900_000, paced_bps=1_330_000,
            wanted_bps=1_700_000, queue_s=0.012,
            worst_wait_s=0.04, waiting_bytes=5_000, members={Protocol.SIP: 1},
            sent_bytes={"sound": 10, "picture": 20, "probe": 5}, received_bytes=40, dropped=3,
            starved=2, probes=1, cuts=4, steps={"down": 6, "up": 5},
            pictures={("small", "line_down"): 2}, admissions={"refused": 1},
        ),
    ),
)  # fmt: skip


def scrape(metrics: Metrics) -> dict[str, float]:
    """Return each sample by its name and labels, as a parser that is not ours reads the page."""
    found = {}
    for family in text_string_to_metric_families(metrics.exposition().decode()):
        for sample in family.samples:
            labels = ",".join(f"{k}={v}" for k, v in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


@pytest.mark.parametrize(
    ("sample", "value"),
    [
        ("sfu_rooms", 2),
        ("sfu_members{protocol=webrtc}", 4),
        ("sfu_members{protocol=h323}", 0),
        ("sfu_calls{protocol=sip}", 5),
        ("sfu_call_ends_total{protocol=sip,reason=vanished}", 2),
        ("sfu_transfers_total{by=room,outcome=moved}", 3),
        ("sfu_call_ends_total{protocol=webrtc,reason=busy}", 0),
        ("sfu_keyframe_requests_total{protocol=webrtc}", 11),
        ("sfu_wishes_sent_total{dialect=tmmbr}", 3),
        ("sfu_wishes_sent_total{dialect=info}", 0),
        ("sfu_wishes_received_total{wish=less}", 4),
        ("sfu_member_video{maker=sony,protocol=sip,state=stalled}", 2),
        ("sfu_registrations", 6),
        ("sfu_sip_refused_total{reason=messages}", 21),
        ("sfu_sip_refused_total{reason=slow}", 0),
        ("sfu_sip_connections", 3),
        ("sfu_h323_connections", 4),
        ("sfu_h323_registrations", 2),
        ("sfu_h323_ras_messages_total{outcome=rejected,request=rrq}", 5),
        ("sfu_h323_ras_messages_total{outcome=ignored,request=grq}", 0),
        ("sfu_h323_member_registered", 1),
        ("sfu_h323_member_failures_total", 3),
        ("sfu_web_refused_total{reason=handshakes}", 5),
        ("sfu_web_connections", 6),
        ("sfu_browsers{way=tcp}", 2),
        ("sfu_browsers{way=relay}", 0),
        ("sfu_media_connections", 4),
        ("sfu_waiting", 3),
        ("sfu_turned_away_total", 7),
        ("sfu_webhook_messages_total{outcome=delivered,webhook=ledger}", 8),
        ("sfu_codec_lines_refused_total{reason=dtls_refused}", 4),
        ("sfu_codec_lines_refused_total{reason=picture_transcoding}", 0),
        ("sfu_sources{kind=video}", 2),
        ("sfu_source_packets_total{kind=video}", 15),
        ("sfu_source_bytes_total{kind=audio}", 700),
        ("sfu_source_jitter_seconds{kind=video}", 0.02),
        ("sfu_source_jitter_seconds{kind=audio}", 0.01),
        ("sfu_sinks{kind=audio}", 1),
        ("sfu_sinks_waiting", 1),
        ("sfu_sink_packets_total{kind=video}", 4),
        ("sfu_engine_lost_events_total", 3),
        ("sfu_engine_handed_lost_total", 4),
        ("sfu_engine_realtime", 1),
        ("sfu_egress_lag_seconds", 0.002),
        ("sfu_worker_legs{worker=mix-0}", 3),
        ("sfu_trunk_registered{trunk=pbx}", 1),
        ("sfu_trunk_status{trunk=pbx}", 200),
        ("sfu_trunk_expires_seconds{trunk=pbx}", 1799.5),
        ("sfu_trunk_failures_total{trunk=pbx}", 2),
        ("sfu_worker_delay_seconds{worker=mix-0}", 0.004),
    ],
)
def test_a_reading_shows_on_the_page(sample, value):
    assert scrape(Metrics(lambda: READINGS))[sample] == value


def test_forwarding_latency_is_a_cumulative_histogram_of_the_engines_buckets():
    page = scrape(Metrics(lambda: READINGS))
    name = "sfu_engine_forwarding_seconds"
    assert page[f"{name}_bucket{{le=5e-05}}"] == 5
    assert page[f"{name}_bucket{{le=0.0002}}"] == 7
    assert page[f"{name}_bucket{{le=0.05}}"] == 7
    assert page[f"{name}_bucket{{le=+Inf}}"] == page[f"{name}_count"] == 8
    assert page[f"{name}_sum"] == 0.0605
    assert sum(key.startswith(f"{name}_bucket") for key in page) == len(LATENCY_BUCKETS_US) + 1


def test_the_process_tells_its_own_figures():
    assert scrape(Metrics(lambda: READINGS))["process_resident_memory_bytes"] > 0


def test_nothing_is_read_before_a_scrape_and_once_by_each():
    asked = []

    def read() -> Readings:
        asked.append(1)
        return READINGS

    metrics = Metrics(read)
    assert asked == []
    metrics.exposition()
    metrics.exposition()
    assert len(asked) == 2


def test_a_call_between_two_scrapes_is_counted():
    metrics = Metrics(lambda: replace(READINGS, snapshot=snapshot(), sink_kinds={}))
    metrics.observe(snapshot(source(5, Codec.H264, packets=30)), {})
    assert scrape(metrics)["sfu_source_packets_total{kind=video}"] == 30


def names() -> set[str]:
    found = set()
    for family in text_string_to_metric_families(Metrics(lambda: READINGS).exposition().decode()):
        if family.name.startswith("sfu_"):
            found.add(family.name + ("_total" if family.type == "counter" else ""))
    return found


@pytest.mark.parametrize("page", ["metrics.md", "metrics.fr.md"])
def test_each_metric_has_its_line_in_the_docs_and_each_line_its_metric(page):
    text = DOCUMENTED.with_name(page).read_text()
    documented = set(re.findall(r"^\| `(sfu_\w+)` \|", text, re.MULTILINE))
    assert names() == documented


def test_no_label_carries_a_stream_a_room_or_a_person():
    labels = {
        label
        for family in text_string_to_metric_families(
            Metrics(lambda: READINGS).exposition().decode()
        )
        for sample in family.samples
        for label in sample.labels
    }
    bounded = {"by", "outcome", "dialect", "wish", "state", "maker", "trunk", "webhook", "request"}
    bounded |= {"step", "version", "codec", "way"}
    lines = {"site", "line", "direction", "class", "rung", "why"}
    assert labels == {"kind", "protocol", "reason", "worker", "le"} | bounded | lines
    assert "3735928559" not in Metrics(lambda: READINGS).exposition().decode()
