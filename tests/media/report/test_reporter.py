"""A reporter between a sender of sound and pictures and a receiver of both."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.errors import PeerError
from sfu.media.engine.event import RtcpReceived
from sfu.media.engine.layout import LOG_ROW
from sfu.media.engine.snapshot import EngineRow, SinkRow, Snapshot, SourceRow
from sfu.media.report import (
    ArrivalsHeard,
    ByeHeard,
    EstimateHeard,
    LimitNoted,
    PictureAsked,
    RateLimited,
    ReceptionHeard,
    Reporter,
)
from sfu.media.rtp import ntp, rtcp
from sfu.media.rtp.rtcp import (
    Bye,
    Fir,
    Limit,
    OldFir,
    Pli,
    ReceiverReport,
    Remb,
    ReportBlock,
    SenderReport,
    SourceDescription,
    Tmmbn,
    Tmmbr,
    TransportFeedback,
)
from sfu.model import Kind, MemberId, SinkId, SourceId, Ssrc, TransportId

SENDER, RECEIVER = TransportId(1), TransportId(2)
US_TO_SENDER, US_TO_RECEIVER, THEIR = Ssrc(900), Ssrc(901), Ssrc(999)
SOUND, PICTURE = SourceId(1), SourceId(2)
HEARD, SEEN = SinkId(1), SinkId(2)
EPOCH_S = 1_700_000_000.0
S = 1_000_000


def meeting(**agreed: bool) -> Reporter:
    reporter = Reporter("sfu", EPOCH_S)
    reporter.add_transport(SENDER, US_TO_SENDER, **agreed)
    reporter.add_transport(RECEIVER, US_TO_RECEIVER, **agreed)
    reporter.add_source(SOUND, SENDER, 48_000, MemberId("anna"), Ssrc(11))
    reporter.add_source(PICTURE, SENDER, 90_000, MemberId("anna"))
    reporter.add_sink(HEARD, RECEIVER, Ssrc(21), Kind.AUDIO, 48_000)
    reporter.add_sink(SEEN, RECEIVER, Ssrc(22), Kind.VIDEO, 90_000)
    return reporter


def source_row(source: SourceId, ssrc: int, timestamp: int, at_us: int) -> SourceRow:
    return SourceRow(
        source=source,
        transport=SENDER,
        ssrc=Ssrc(ssrc),
        codec=None,
        packets=100,
        bytes=0,
        lost=0,
        highest_sequence=0x10064,
        jitter=8,
        last_timestamp=timestamp,
        last_arrival_us=at_us,
        keyframes=0,
        level_dbov=127,
        nacks_sent=0,
        repaired=0,
    )


def sink_row(sink: SinkId, source: SourceId, ssrc: int, offset: int, at_us: int) -> SinkRow:
    return SinkRow(
        sink=sink,
        transport=RECEIVER,
        source=source,
        waiting=False,
        ssrc=Ssrc(ssrc),
        packets=50,
        octets=5000,
        last_timestamp=0,
        last_sent_us=at_us,
        timestamp_offset=offset,
        nacks_received=0,
        retransmitted=0,
        dropped=0,
    )


def snapshot(at_us: int, *rows: SourceRow | SinkRow, arrivals=b"") -> Snapshot:
    return Snapshot(
        EngineRow(at_us, False, 0, (), 0),
        sources={row.source: row for row in rows if isinstance(row, SourceRow)},
        sinks={row.sink: row for row in rows if isinstance(row, SinkRow)},
        arrivals=arrivals,
    )


def alive(at_us: int, arrivals=b"") -> Snapshot:
    """Both streams at an instant: sound of 48 kHz, pictures of 90 kHz, both from 0."""
    return snapshot(
        at_us,
        source_row(SOUND, 11, at_us * 48 // 1000, at_us),
        source_row(PICTURE, 12, at_us * 90 // 1000, at_us),
        sink_row(HEARD, SOUND, 21, 1000, at_us),
        sink_row(SEEN, PICTURE, 22, -1000 % 2**32, at_us),
        arrivals=arrivals,
    )


def sent(reporter: Reporter, at: Snapshot, transport: TransportId):
    """What one transport is sent, packet by packet."""
    orders = [order for order in reporter.tick(at) if order.transport == transport]
    return [packet for order in orders for packet in rtcp.parse(order.payload)]


def heard(reporter: Reporter, transport: TransportId, *packets, at_us: int = S):
    return reporter.handle(RtcpReceived(transport, rtcp.compose(packets), at_us))


# ---- what we report


def test_a_sender_is_told_how_it_arrives():
    reporter = meeting()
    report, description = sent(reporter, alive(10 * S), SENDER)
    assert isinstance(report, ReceiverReport)
    assert report.ssrc == US_TO_SENDER
    assert [block.ssrc for block in report.blocks] == [11, 12]
    assert report.blocks[0] == ReportBlock(Ssrc(11), 0, 0, 0x10064, 8, 0, 0)
    assert description == SourceDescription(((US_TO_SENDER, "sfu"),))


def test_a_block_names_the_last_sender_report_and_its_age():
    reporter = meeting()
    wall = ntp.from_unix(5.0)
    heard(reporter, SENDER, SenderReport(Ssrc(11), wall, 0, 0, 0), at_us=9 * S)
    (report, _) = sent(reporter, alive(10 * S), SENDER)
    assert report.blocks[0].last_sr == ntp.middle(wall)
    assert report.blocks[0].delay == 65536


def test_the_fraction_lost_is_of_the_interval():
    reporter = meeting()
    reporter.tick(alive(10 * S))
    later = alive(11 * S)
    row = replace(later.sources[SOUND], packets=175, lost=25)
    later.sources[SOUND] = row
    (report, _) = sent(reporter, later, SENDER)
    assert report.blocks[0].fraction_lost == 64
    assert report.blocks[0].lost == 25


def test_a_receiver_gets_a_sender_report_for_each_sink():
    first, second, description = sent(meeting(), alive(10 * S), RECEIVER)
    assert (first.ssrc, first.packets, first.octets) == (21, 50, 5000)
    assert second.ssrc == 22
    assert first.ntp == second.ntp == ntp.from_unix(EPOCH_S + 10)
    assert description == SourceDescription(((Ssrc(21), "sfu"), (Ssrc(22), "sfu")))


def test_reports_go_out_once_a_second():
    reporter = meeting()
    counts = [len(reporter.tick(alive(10 * S + at * 100_000))) for at in range(21)]
    assert [at for at, count in enumerate(counts) if count] == [0, 10, 20]


def test_a_sink_that_carries_another_source_is_dated_soon():
    reporter = meeting()
    reporter.tick(alive(10 * S))
    later = alive(10 * S + 300_000)
    later.sinks[SEEN] = later.sinks[SEEN]._replace(source=SOUND)
    assert sent(reporter, later, RECEIVER)


def test_a_sink_at_rest_has_no_sender_report():
    reporter = meeting()
    resting = alive(10 * S)
    resting.sinks[SEEN] = resting.sinks[SEEN]._replace(last_sent_us=7 * S)
    resting.sinks[HEARD] = resting.sinks[HEARD]._replace(packets=0)
    report, _ = sent(reporter, resting, RECEIVER)
    assert report == ReceiverReport(US_TO_RECEIVER)


def test_what_does_not_fit_one_datagram_takes_two():
    reporter = meeting()
    rows = [alive(10 * S).sources[SOUND]]
    many = [sink_row(SinkId(100 + at), SOUND, 500 + at, 0, 10 * S) for at in range(30)]
    for row in many:
        reporter.add_sink(row.sink, RECEIVER, row.ssrc, Kind.AUDIO, 48_000)
    orders = [o for o in reporter.tick(snapshot(10 * S, *rows, *many)) if o.transport == RECEIVER]
    assert len(orders) == 3
    assert all(len(order.payload) <= 1200 for order in orders)
    assert all(isinstance(rtcp.parse(order.payload)[0], SenderReport) for order in orders)


# ---- lips and voice


def capture_s(report: SenderReport, timestamp: int, clock_hz: int) -> float:
    """When the receiver believes that a timestamp was captured."""
    behind = (timestamp - report.rtp_timestamp + 2**31) % 2**32 - 2**31
    return ntp.to_unix(report.ntp) + behind / clock_hz


def test_sound_and_picture_of_one_instant_stay_so_for_the_receiver():
    reporter = meeting()
    # the member's picture timestamps run 0.4 s ahead of its sound: its encoder is slow
    sound_sr = SenderReport(Ssrc(11), ntp.from_unix(77.0), 9 * 48_000, 0, 0)
    picture_sr = SenderReport(Ssrc(12), ntp.from_unix(77.2), int(9.6 * 90_000), 0, 0)
    heard(reporter, SENDER, sound_sr, at_us=9 * S)
    heard(reporter, SENDER, picture_sr, at_us=9 * S + 900_000)  # 0.7 s late
    first, second, _ = sent(reporter, alive(10 * S), RECEIVER)
    voice = capture_s(first, 9 * 48_000 + 1000, 48_000)
    lips = capture_s(second, int(9.4 * 90_000) - 1000, 90_000)
    assert voice == pytest.approx(lips, abs=0.001)


def test_the_mix_keeps_step_with_pictures_by_its_delay():
    reporter = meeting()
    reporter.remove_source(SOUND)
    reporter.add_source(SOUND, SENDER, 48_000, None)
    reporter.set_delay(SOUND, 0.06)
    first, second, _ = sent(reporter, alive(10 * S), RECEIVER)
    voice = capture_s(first, 10 * 48_000 + 1000, 48_000)
    lips = capture_s(second, 10 * 90_000 - 1000, 90_000)
    assert lips - voice == pytest.approx(0.06, abs=0.001)


def test_a_report_that_came_before_its_source_was_known_counts():
    reporter = meeting()
    heard(reporter, SENDER, SenderReport(Ssrc(12), ntp.from_unix(77.0), 0, 0, 0), at_us=9 * S)
    (report, _) = sent(reporter, alive(10 * S), SENDER)
    assert report.blocks[1].last_sr == ntp.middle(ntp.from_unix(77.0))


# ---- what we hear


def test_a_block_about_our_sink_tells_round_trip_loss_and_jitter():
    reporter = meeting()
    first, _, _ = sent(reporter, alive(10 * S), RECEIVER)
    block = ReportBlock(Ssrc(21), 64, 5, 0, 480, ntp.middle(first.ntp), 32768)
    heard(reporter, RECEIVER, ReceiverReport(THEIR, (block,)), at_us=10 * S + 620_000)
    reception = reporter.reception(HEARD)
    assert reception
    assert reception.rtt_s == pytest.approx(0.12, abs=0.001)
    assert reporter.rtt_s(RECEIVER) == reception.rtt_s
    assert (reception.fraction_lost, reception.lost, reception.jitter_s) == (0.25, 5, 0.01)
    assert reporter.rtt_s(SENDER) is None


def test_a_block_is_handed_up_with_its_loss_jitter_and_round_trip():
    reporter = meeting()
    block = ReportBlock(Ssrc(22), 64, 5, 0, 900, 0, 0)
    facts = heard(reporter, RECEIVER, ReceiverReport(THEIR, (block,)))
    assert facts == [ReceptionHeard(RECEIVER, SEEN, 0.25, 0.01, None)]


def test_a_leg_that_is_sensed_has_a_fresh_sender_report_four_times_a_second():
    reporter = meeting()
    reporter.set_sensing(RECEIVER, on=True)
    got = [sent(reporter, alive(S * n // 20), RECEIVER) for n in range(200, 240)]
    assert len([one for one in got if one]) == 8
    whole = [one for one in got if len([each for each in one if type(each) is SenderReport]) == 2]
    assert len(whole) == 2
    reporter.set_sensing(RECEIVER, on=False)
    assert len([n for n in range(240, 280) if sent(reporter, alive(S * n // 20), RECEIVER)]) == 2


@pytest.mark.parametrize(
    "packet",
    [
        Pli(THEIR, Ssrc(22)),
        Pli(THEIR, Ssrc(0)),  # a room codec that names nobody
        Fir(THEIR, ((Ssrc(22), 1),)),
        Fir(THEIR, ((Ssrc(22), 1), (Ssrc(22), 2))),
        OldFir(Ssrc(22)),
    ],
)
def test_a_wish_for_a_picture_names_the_sink(packet):
    assert heard(meeting(), RECEIVER, packet) == [PictureAsked(SEEN)]


def test_a_wish_that_names_nobody_among_several_pictures_is_dropped():
    reporter = meeting()
    reporter.add_sink(SinkId(3), RECEIVER, Ssrc(23), Kind.VIDEO, 90_000)
    assert heard(reporter, RECEIVER, Pli(THEIR, Ssrc(0))) == []


def test_a_limit_is_told_and_acknowledged():
    reporter = meeting(reduced_size=True)
    request = Tmmbr(THEIR, (Limit(Ssrc(22), 512_000),))
    assert heard(reporter, RECEIVER, request) == [RateLimited(SEEN, 512_000)]
    packets = sent(reporter, alive(10 * S), RECEIVER)
    assert packets[0] == Tmmbn(Ssrc(22), (Limit(THEIR, 512_000),))


def test_the_other_facts_are_passed_on():
    feedback = TransportFeedback(THEIR, Ssrc(0), 1, 0, (4,))
    packets = Remb(THEIR, 262_143, ()), feedback, Bye((Ssrc(11),))
    assert heard(meeting(), SENDER, *packets) == [
        EstimateHeard(SENDER, 262_143),
        ArrivalsHeard(SENDER, rtcp.compose([feedback])[4:]),
        ByeHeard(SENDER, Ssrc(11)),
    ]


@given(st.binary(max_size=60))
def test_a_stranger_raises_peer_error_and_nothing_else(payload):
    try:
        assert meeting().handle(RtcpReceived(SENDER, payload, 0)) == []
    except PeerError:
        return
    assert payload == b"" or payload[0] >> 6 == 2


# ---- what we ask


def test_pictures_are_asked_for_by_pli_or_counted_fir():
    reporter = meeting()
    assert reporter.ask_picture(PICTURE, fir=True) == []  # whose SSRC nobody knows yet
    reporter.tick(alive(10 * S))
    (pli,) = reporter.ask_picture(PICTURE, fir=False)
    assert pli.transport == SENDER
    assert rtcp.parse(pli.payload) == (
        ReceiverReport(US_TO_SENDER),
        SourceDescription(((US_TO_SENDER, "sfu"),)),
        Pli(US_TO_SENDER, Ssrc(12)),
    )
    firs = [reporter.ask_picture(PICTURE, fir=True)[0] for _ in range(2)]
    numbers = [rtcp.parse(fir.payload)[2] for fir in firs]
    assert numbers == [Fir(US_TO_SENDER, ((Ssrc(12), n),)) for n in (1, 2)]


def test_reduced_size_sends_the_wish_alone():
    reporter = meeting(reduced_size=True)
    (pli,) = reporter.ask_picture(SOUND, fir=False)
    assert rtcp.parse(pli.payload) == (Pli(US_TO_SENDER, Ssrc(11)),)


def test_a_rate_is_asked_for_by_tmmbr():
    reporter = meeting(reduced_size=True)
    (order,) = reporter.ask_rate(SOUND, 64_000)
    assert rtcp.parse(order.payload) == (Tmmbr(US_TO_SENDER, (Limit(Ssrc(11), 64_000),)),)


def test_an_estimate_is_told_when_it_changes_and_with_each_report():
    reporter = meeting(remb=True, reduced_size=True)
    reporter.tick(alive(10 * S))
    reporter.set_estimate(SENDER, 100_000)
    wanted = Remb(US_TO_SENDER, 100_000, (Ssrc(11), Ssrc(12)))
    assert sent(reporter, alive(10 * S + 50_000), SENDER) == [wanted]
    assert sent(reporter, alive(10 * S + 100_000), SENDER) == []
    assert wanted in sent(reporter, alive(11 * S), SENDER)


def test_arrivals_are_fed_back_where_that_was_agreed():
    arrivals = LOG_ROW.pack(SENDER, 7, 0, 10 * S) + LOG_ROW.pack(SENDER, 9, 0, 10 * S + 500)
    told = sent(meeting(transport_cc=True, reduced_size=True), alive(10 * S, arrivals), SENDER)
    assert told[-1] == TransportFeedback(US_TO_SENDER, Ssrc(11), 7, 0, (40_000, None, 40_002))
    assert not any(
        isinstance(packet, TransportFeedback)
        for packet in sent(meeting(), alive(10 * S, arrivals), SENDER)
    )


def test_a_closed_transport_is_neither_heard_nor_reported_to():
    reporter = meeting()
    reporter.remove_transport(RECEIVER)
    assert heard(reporter, RECEIVER, Pli(THEIR, Ssrc(22))) == []
    assert sent(reporter, alive(10 * S), RECEIVER) == []
    assert reporter.reception(SEEN) is None


def test_a_fir_said_again_keeps_its_number_and_a_new_stream_has_a_new_one():
    reporter = meeting(reduced_size=True)
    reporter.tick(alive(10 * S))

    def number(*, repeated: bool) -> int:
        (order,) = reporter.ask_picture(PICTURE, fir=True, repeated=repeated)
        (fir,) = rtcp.parse(order.payload)
        assert isinstance(fir, Fir)
        return fir.entries[0][1]

    assert [number(repeated=again) for again in (False, True, True, False)] == [1, 1, 1, 2]
    other = alive(11 * S)
    other.sources[PICTURE] = replace(other.sources[PICTURE], ssrc=Ssrc(77))
    reporter.tick(other)
    assert number(repeated=True) == 3


def test_limits_of_two_bind_together_and_are_noted_together():
    reporter = meeting(reduced_size=True)
    thin, fat = Limit(Ssrc(22), 350_000, 20), Limit(Ssrc(22), 400_000, 200)
    heard(reporter, RECEIVER, Tmmbr(Ssrc(1), (thin,)))
    facts = heard(reporter, RECEIVER, Tmmbr(Ssrc(2), (fat,)))
    assert facts == [RateLimited(SEEN, 400_000, 200)]
    (note,) = sent(reporter, alive(10 * S), RECEIVER)[:1]
    assert note == Tmmbn(Ssrc(22), (replace(thin, ssrc=Ssrc(1)), replace(fat, ssrc=Ssrc(2))))


def test_a_storm_of_limits_is_noted_once_a_tick_and_remembered_of_a_few():
    reporter = meeting(reduced_size=True)
    for owner in range(1, 300):
        heard(reporter, RECEIVER, Tmmbr(Ssrc(owner), (Limit(Ssrc(22), 500_000 + owner),) * 30))
    orders = [one for one in reporter.tick(alive(10 * S)) if one.transport == RECEIVER]
    notes = [p for one in orders for p in rtcp.parse(one.payload) if isinstance(p, Tmmbn)]
    assert len(notes) == 1
    assert len(reporter._ledger.sinks[SEEN].limits) == 8


def test_a_note_tells_the_limit_that_is_kept_for_us():
    reporter = meeting()
    reporter.tick(alive(10 * S))
    ours, others = Limit(US_TO_SENDER, 512_000), Limit(THEIR, 400_000)
    told = heard(reporter, SENDER, Tmmbn(Ssrc(12), (others, ours)))
    assert told == [LimitNoted(PICTURE, ours)]
    assert heard(reporter, SENDER, Tmmbn(Ssrc(12), (others,))) == [LimitNoted(PICTURE, others)]
    assert heard(reporter, SENDER, Tmmbn(Ssrc(12), ())) == [LimitNoted(PICTURE, None)]
    assert heard(reporter, SENDER, Tmmbn(Ssrc(444), (ours,))) == []  # of two streams neither
