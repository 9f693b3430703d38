"""What each line's estimator is told, and its probes on the way to the engine."""

from dataclasses import replace
from ipaddress import ip_network

import pytest

from sfu.config import Line
from sfu.media.bwe.word import Estimate, StartProbe, StopProbe, Why
from sfu.media.engine.command import OpenTransport, Probe, SetSink
from sfu.media.engine.event import RtcpReceived
from sfu.media.engine.layout import LOG_ROW
from sfu.media.engine.snapshot import EngineRow, LineRow, SinkRow, Snapshot, TransportRow
from sfu.media.rtp.rtcp import ReportBlock, TransportFeedback, compose
from sfu.media.rtp.rtcp.report import ReceiverReport
from sfu.model import Address, Codec, Kind, Latch, SourceId, Ssrc
from sfu.shell.estimates import Estimates
from sfu.shell.lines import Lines
from tests.shell.stage import stage

TOWN = Line(
    site="town", up_bps=1_000_000, down_bps=2_000_000, networks=(ip_network("192.0.2.0/24"),)
)


class Spy:
    """The estimator's face, noting what it is told; what it says is set by the test."""

    def __init__(self):
        self.told, self.says = [], []
        self.cuts, self.cuts_next, self.hurries = 0, 0, False
        self.estimate = Estimate(2_000_000, 0.0, 0.0, False, Why.CONFIGURED)

    @property
    def congested(self):
        return self.estimate.congested

    def handle(self, event, now):
        self.told.append(event)
        self.cuts = self.cuts_next

    def tick(self, now):
        pass

    def poll(self):
        said, self.says = self.says, []
        return iter(said)

    def of(self, name):
        return [one for one in self.told if type(one).__name__ == name]


class Way:
    """A path behind a line, with a picture on it."""

    def __init__(self, house):
        self.bay, self.engine = house.patchbay, house.engine
        self.lines = Lines((TOWN,), ("town",), self.bay.new_line)
        (self.line,) = self.lines
        self.estimates = Estimates(self.bay)
        self.estimates.watch(self.line)
        self.hurried: list[bool] = []
        self.bay.hearing.on_arrivals = lambda: self.hurried.append(self.estimates.hear(1.0))
        self.legs = self.estimates._watched[self.line.line].legs
        self.spy = self.estimates._watched[self.line.line].estimator = Spy()  # type: ignore[assignment]
        self.transport, self.sink = self.bay.new_transport(), self.bay.new_sink()
        socket = self.bay.open_socket(house.spare_fd())
        remote = Address("2001:db8::1", 9)
        self.bay.open_transport(
            OpenTransport(
                self.transport, socket, socket, remote, remote, Latch.FIXED, False,
                line=self.line.line,
            ),
            lambda event: None,
        )  # fmt: skip
        self.ssrc = self.bay.new_ssrc()
        self.bay.set_sink(
            SetSink(
                self.sink, self.transport, Kind.VIDEO, self.ssrc, ((Codec.H264, 97),), 90_000,
                rtx_ssrc=Ssrc(9), rtx_payloads=((97, 98),),
            )
        )  # fmt: skip

    def tick(self, *, sent_bytes=0, departures=b"", carries=True, paused=False):
        source = None if paused else SourceId(77)
        row = SinkRow(self.sink, self.transport, source, False, self.ssrc, 1, 1, 0, 5, 0, 0, 0, 0)
        line = LineRow(self.line.line, sent_bytes, 0, 0, 0, 0, 0, 0, 0)
        path = TransportRow(self.transport, 1, 1, 1, 1, 0, 0, 0, 0, 0, 5)
        snapshot = Snapshot(
            EngineRow(1_000_000, False, 0, (), 0), transports={self.transport: path},
            sinks={self.sink: row} if carries else {},
            departures=departures, lines={self.line.line: line},
        )  # fmt: skip
        self.estimates.tick(snapshot, 1.0)


@pytest.fixture
def way():
    with stage() as house:
        yield Way(house)


def test_departures_and_their_arrivals_are_told_to_the_line_of_their_path(way):
    way.tick(departures=LOG_ROW.pack(way.transport, 5, 1200, 900_000))
    assert way.legs.take_sent() == way.line.encapsulation.line_bytes(1200 + 48)
    feedback = TransportFeedback(Ssrc(1), way.ssrc, 5, 0, (4, None, 8))
    way.bay.hearing.take(RtcpReceived(way.transport, compose([_rr(way), feedback]), 1_000_000))
    (heard,) = way.spy.of("Fed")
    told = way.legs.told(heard, 0.0)
    assert told == (0, 1)
    way.legs.delays.judge()
    assert (way.legs.delays.floor_us, way.legs.delays.newest_us) == (0.0, 900_000)


def test_reports_are_told_once(way):
    way.bay.hearing.take(RtcpReceived(way.transport, compose([_rr(way, 64)]), 1_000_000))
    way.tick()
    way.tick()
    (report,) = way.spy.of("Reported")
    assert (report.loss, report.rtt_s) == (0.25, None)


def test_what_the_line_carried_since_the_last_time_is_told(way):
    way.tick(sent_bytes=10_000)
    way.tick(sent_bytes=14_000)
    assert [one.line_bytes for one in way.spy.of("Used")] == [10_000, 4_000]


def test_what_allocation_wants_is_told_with_each_tick(way):
    way.estimates.want(way.line.line, 1_500_000)
    way.tick()
    way.tick()
    assert [one.wanted_bps for one in way.spy.of("Limited")] == [1_500_000] * 2


def test_a_probe_goes_out_on_a_picture_that_can_be_repaired(way):
    way.spy.says = [StartProbe(1_700_000, 200_000)]
    way.tick()
    way.spy.says = [StopProbe(), StopProbe()]
    way.tick()
    line = way.line.line
    assert way.engine.of(Probe) == [
        Probe(line, way.sink, 1_700_000, 200_000), Probe(line, way.sink, 0, 0),
    ]  # fmt: skip
    assert way.estimates.probes(line) == 1


def test_a_probe_nobody_can_carry_has_ended(way):
    way.spy.says = [StartProbe(1_700_000, 200_000)]
    way.tick(carries=False)
    assert way.engine.of(Probe) == []
    assert len(way.spy.of("ProbeEnded")) == 1


def test_a_line_whose_pictures_are_all_paused_is_probed_all_the_same(way):
    way.spy.says = [StartProbe(300_000, 200_000)]
    way.tick(paused=True)
    assert [one.sink for one in way.engine.of(Probe)] == [way.sink]


def test_cuts_are_counted_and_told_with_their_reason(way):
    way.tick()
    way.spy.estimate = replace(
        way.spy.estimate, capacity_bps=900_000, congested=True, why=Why.DELAY
    )
    way.tick()
    assert way.estimates.cuts(way.line.line) == 1
    assert way.estimates.of(way.line.line).capacity_bps == 900_000


def test_only_a_cut_or_a_probe_in_vain_cannot_wait_for_the_next_tick(way):
    def feed():
        feedback = compose([_rr(way), TransportFeedback(Ssrc(1), way.ssrc, 5, 0, (4,))])
        way.bay.hearing.take(RtcpReceived(way.transport, feedback, 1_000_000))

    feed()
    way.spy.cuts_next = 1
    feed()
    feed()
    way.spy.hurries = True
    feed()
    assert way.hurried == [False, True, False, True]


def test_a_leg_that_feeds_nothing_back_is_sensed_by_its_round_trips(way):
    way.tick()
    entry = way.bay.reporter._ledger.transports[way.transport]
    assert entry.sensing
    way.bay._paths[way.transport].fed_back = True
    way.estimates._watched[way.line.line].paths.clear()
    way.tick()
    assert not entry.sensing


def test_a_line_nobody_watches_any_more_is_told_nothing(way):
    way.estimates.forget(way.line)
    way.tick(departures=LOG_ROW.pack(way.transport, 5, 1200, 900_000))
    assert way.spy.told == []
    assert way.legs.take_sent() == 0


def _rr(way, lost=0):
    block = ReportBlock(way.ssrc, lost, 0, 10, 0, 0, 0)
    return ReceiverReport(Ssrc(1), (block,))
