"""The figures of benchmarks/line, reckoned from runs whose figures are known."""

import json
import math

import numpy as np
import pytest
from benchmarks.line import camera, capacity, figures, judge, page, plot, series, table, trace
from benchmarks.line.scene import VARIANTS, Phase, Scene
from benchmarks.line.series import LineStep, Step
from benchmarks.line.simulated.camera import Layer
from benchmarks.line.simulated.ears import Arrivals, Stream
from benchmarks.line.systems import present

from sfu.media.rtp.packet import RtpPacket
from sfu.model import Ssrc

SCENE = Scene()
JOINED_AT = 1000.0
QUIET_WAITS = {0: 40, 5: 9, 30: 1}


def line(at, longest_ms=5.0, site=1, direction="down"):
    return LineStep(
        at, at + 0.25, site, direction, 2e6, 50_000, 50, 0, 0, longest_ms, 0.1, QUIET_WAITS, {0: 5}
    )


def browser_row(at, since, *, frames, kbps, freezes=0.0, hidden=0, mid="9", height=360):
    """One look of a page that sees and hears one other: counters since its join."""
    return {
        "at": JOINED_AT + at,
        "streams": [
            {
                "id": "0/video", "from": since, "kind": "video", "mid": mid, "frameHeight": height,
                "framesDecoded": frames, "bytesReceived": int(kbps * 125 * at),
                "totalFreezesDuration": freezes, "packetsReceived": int(at * 60),
            },
            {
                "id": "0/audio", "from": since, "kind": "audio", "mid": "2",
                "totalSamplesReceived": int(at * 48_000), "concealedSamples": hidden,
                "packetsReceived": int(at * 50), "packetsLost": 0,
            },
        ],
    }  # fmt: skip


def emulator_row(at):
    after = max(0.0, at)
    return {
        "time": JOINED_AT + at,
        "lines": [
            {
                "site": site, "dir": direction, "rate": 2e6, "line_bytes": round(225_000 * after),
                "pkts": round(200 * after), "dropped": 0, "lost": 0, "qmax_ms": 12.0,
                "late_ms": 0.2, "waits_ms": {"0": 40, "5": 9, "12": 1}, "small_ms": {"2": 10},
            }
            for site in (1, 2)
            for direction in ("up", "down")
        ],
    }  # fmt: skip


@pytest.fixture(name="record")
def a_perfect_meeting_of_two():
    counted = [
        {
            "site": site, "told": [], "errors": [],
            "rows": [
                browser_row(at, 3 - site, frames=int(25 * (at - 0.5)) if at > 0.5 else 0, kbps=700)
                for at in np.arange(0.25, 100.1, 0.25)
            ],
        }
        for site in (1, 2)
    ]  # fmt: skip
    return {
        "title": "two", "joined_at": JOINED_AT, "sites": 2, "variant": "browsers", "cpu": 0.5,
        "phases": [[one.name, one.begin, one.end] for one in SCENE.phases], "counted": counted,
        "lines": [emulator_row(at) for at in np.arange(-0.25, 100.1, 0.25)],
        "looks": [
            {
                "at": JOINED_AT + at,
                "said": {
                    f'line_sent_bytes_total{{kind="{kind}",site="site{site}"}}': share * at
                    for site in (1, 2) for kind, share in (("picture", 200_000), ("sound", 25_000))
                },
            }
            for at in np.arange(0.5, 100, 0.5)
        ],
    }  # fmt: skip


def test_a_perfect_meeting_meets_every_bound(record):
    found = figures.figures(record, series.read(record))
    assert found["steady.use_down"] == pytest.approx(90, abs=0.1)
    assert found["steady.kbps"] == pytest.approx(700, rel=0.01)
    assert found["steady.fps"] == pytest.approx(25, abs=0.1)
    assert (found["steady.queue_down_p50"], found["steady.queue_down_max"]) == (0, 12)
    assert found["first_frame_worst"] == pytest.approx(0.5, abs=0.06)
    assert [row.title for row in judge.ROWS if not row.verdict(found)] == []


def test_the_page_knows_best_when_its_first_picture_was_there(record):
    assert figures.figures(record, series.read(record))["first_frame_worst"] < 0.56
    record["counted"][0]["firsts"] = [{"at": JOINED_AT + 0.71, "mid": "0", "from": 2}]
    found = figures.figures(record, series.read(record))
    assert found["first_frame_worst"] == pytest.approx(0.71)


def test_the_first_picture_is_his_whose_place_it_is(record):
    told = [
        {"at": JOINED_AT + 0.1, "message": {"type": "members", "members": [
            {"member": "m1", "name": "Site 1"}, {"member": "m2", "name": "Site 2"}]}},
        {"at": JOINED_AT + 0.3, "message": {
            "type": "slots", "pictures": {"9": "m2"}, "sounds": {}}},
    ]  # fmt: skip
    firsts = [{"at": JOINED_AT + 0.4, "mid": "9", "from": 0}]
    record["counted"][0] |= {"told": told, "firsts": firsts}
    assert series.read(record).firsts == {(1, 2): pytest.approx(0.4)}


def test_each_bound_names_a_figure_there_is(record):
    for variant in VARIANTS:
        found = figures.figures({**record, "variant": variant}, series.read(record))
        assert [
            part.name for row in judge.rows_of(variant) for part in row.parts
            if part.name not in found
        ] == []  # fmt: skip


def test_tables_and_picture_show_a_run(record, tmp_path):
    read = series.read(record)
    found = figures.figures(record, read)
    assert "| two (1) | steady | 90/90 |" in table.phases({"two": (found, 1)})
    assert "| two (1) | 0.5 (0.5) |" in table.events({"two": (found, 1)})
    assert "missed" not in table.verdicts(judge.ROWS, found, {"other": (found, 1)})
    assert "MISSED" not in table.bounds(judge.ROWS, found)
    trace.write({**record, "looks": []}, read, tmp_path / "run.txt")
    assert "\n 70  2→1  700k 25 360 " in (tmp_path / "run.txt").read_text()
    plot.draw(record, read, tmp_path / "run.svg")
    assert (tmp_path / "run.svg").read_text().startswith("<svg ")


def test_a_line_of_two_carries_what_is_reckoned(record):
    found = figures.figures({**record, "variant": "two"}, series.read(record))
    reckoned = capacity.reckoned_bps(2)
    assert 1_550_000 < reckoned < 1_650_000  # 0.85 of what a sender's line leaves, and one voice
    assert found["capacity.off"] == pytest.approx(100 * (1_800_000 / reckoned - 1), abs=0.2)
    assert found["capacity.told_off"] == pytest.approx(0, abs=0.2)
    assert (found["capacity.height"], found["capacity.small"]) == (360, 0)
    verdicts = {row.title: row.verdict(found) for row in judge.rows_of("two")}
    assert not verdicts["both pictures"]  # these are of 360 lines
    assert "| two (1) | " in table.capacity({"two": (found, 1)})


def test_four_sites_are_bound_by_what_comes_down():
    assert 1_700_000 < capacity.reckoned_bps(4) < 1_760_000


def test_a_simulated_camera_sends_what_it_is_told_to_the_byte():
    layer = Layer("h", 1, 720, [bytes(9_000), *[bytes(300)] * 249])
    assert list(layer.picture()) == []
    layer.obey(500_000)
    packets = [one for _ in range(250) for one in layer.picture()]
    assert sum(len(payload) for payload, _ in packets) * 8 / 10 == pytest.approx(500_000, rel=0.01)
    assert sum(last for _, last in packets) == 250
    assert max(len(payload) for payload, _ in packets) <= 1_110


def test_a_simulated_browser_counts_whole_pictures_and_late_sounds():
    key = bytes([0x90, 0x80, 0x80, 0, 0, 0, 0]) + b"\x9d\x01\x2a\x00\x05\xd0\x02"
    eye = Stream("9", "video")
    for number, payload in ((1, b"\x90\x80\x80\x00\x01"), (2, key), (3, b"\x80"), (5, b"\x80")):
        eye.take(RtpPacket(96, number, 0, Ssrc(1), payload, marker=True), 0.0)
    assert (eye.height, eye.frames, eye.lost) == (720, 2, 1)
    ear = Stream("2", "audio")
    for number, late in enumerate((0.0, 0.03, 0.2, 0.0)):
        ear.take(RtpPacket(111, number, number * 960, Ssrc(1), bytes(80)), 0.02 * number + late)
    assert (ear.concealed, ear.samples) == (960, 4 * 960)


def test_its_feedback_tells_what_came_and_what_did_not():
    arrivals = Arrivals()
    for sequence in (65_534, 65_535, 1):
        arrivals.take(sequence, 1.0)
    told = arrivals.feedback(1)
    assert told is not None
    assert (told.base, [one is None for one in told.arrivals]) == (
        65_534,
        [False, False, True, False],
    )
    assert arrivals.feedback(1) is None


def test_tables_and_plots_go_into_the_page_between_their_marks(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "run.svg").write_text("<svg/>")
    there = tmp_path / "performance.md"
    there.write_text("before\n<!-- line two -->\nold\n<!-- end -->\nafter <!-- end -->\n")
    page.put("| new |", "two", {"ours": tmp_path / "run.svg"}, there)
    text = there.read_text()
    assert text.startswith("before\n<!-- line two -->\n\n| new |\n")
    assert "old" not in text
    assert text.endswith("\n<!-- end -->\nafter <!-- end -->\n")
    assert "](images/line-ours-two.svg)" in text
    assert (tmp_path / "images" / "line-ours-two.svg").exists()
    with pytest.raises(LookupError):
        page.put("", "four", {}, there)


def test_the_page_has_a_place_for_each_variant():
    for variant in VARIANTS:
        assert f"<!-- line {variant} -->\n" in page.PAGE.read_text()


def test_a_record_is_json(record):
    again = json.loads(json.dumps(record, default=float))
    one, other = (figures.figures(it, series.read(it)) for it in (record, again))
    assert one == other


def test_who_hears_nobody_hears_silence(record):
    for row in record["counted"][0]["rows"]:
        row["streams"] = row["streams"][:1]
    found = figures.figures(record, series.read(record))
    assert (found["low.concealed"], found["low.concealed_worst"]) == (50, 100)


def test_a_picture_that_never_comes_is_frozen(record):
    record["counted"][0]["rows"] = []
    found = figures.figures(record, series.read(record))
    assert (found["steady.frozen_worst"], found["steady.kbps_min"]) == (100, 0)
    assert found["first_frame_worst"] == math.inf


def test_a_freeze_is_counted_when_it_was_and_once():
    steps = [Step(0.25 * n, 0.25 * n + 0.25, frames=6) for n in range(40)]
    steps[20:24] = [Step(one.begin, one.end) for one in steps[20:24]]  # a second of nothing
    steps[24] = Step(6.0, 6.25, frames=4, frozen_s=1.1)  # and the browser tells of it afterwards
    assert figures.covered(figures.frozen_spans(steps, 10), Phase("", 0, 10)) == pytest.approx(
        1.25, abs=0.11
    )
    assert figures.covered(figures.frozen_spans(steps, 10), Phase("", 0, 5)) == 0


def test_a_standing_picture_counts_though_no_freeze_was_told():
    steps = [Step(0.0, 0.25, frames=6)]
    assert figures.covered(figures.frozen_spans(steps, 4), Phase("", 0, 4)) == 3.75


def test_a_queue_has_settled_when_it_stays_short():
    waits = [5, 5, 180, 150, 40, 70, 50, *([8] * 20)]
    steps = [line(39.5 + 0.25 * n, ms) for n, ms in enumerate(waits)]
    assert figures.settled(steps, 40.0, 60.0) == pytest.approx(1.0)


def test_the_slowest_line_says_when_all_have_settled():
    fast = [line(40 + 0.25 * n, 5, site=1) for n in range(40)]
    slow = [line(40 + 0.25 * n, 90 if n < 8 else 5, site=2) for n in range(40)]
    assert figures.settled([*fast, *slow], 40.0, 60.0) == pytest.approx(2.0)
    assert figures.settled([line(40 + 0.25 * n, 100) for n in range(80)], 40.0, 60.0) == math.inf


def test_layer_changes_are_changes_of_size_between_pictures():
    steps = [Step(n, n + 1, frames=25, height=height) for n, height in enumerate([360, 180, 360])]
    assert figures.layer_changes(steps, Phase("", 0, 3)) == 2


def told(at, **message):
    return {"at": JOINED_AT + at, "message": message}


def test_a_place_is_whose_it_was_told_to_be_and_nobodys_meanwhile():
    members = [{"member": "m1", "name": "Site 1"}, {"member": "m2", "name": "codec2"}]
    places = series.Places(
        [
            told(0, type="members", members=members),
            told(1, type="slots", pictures={"9": "m1"}, sounds={"2": None}),
            told(5, type="slots", pictures={"9": "m2"}, sounds={}),
        ],
        JOINED_AT,
    )
    assert places.carries("9", 0.2, 0.45) is None
    assert places.carries("9", 2, 2.25) == 1
    assert places.carries("9", 4.9, 5.15) is None  # it changed hands
    assert places.carries("9", 6, 6.25) == series.CODEC + 2
    assert places.carries("2", 2, 2.25) is None


def test_a_voice_that_was_given_a_place_is_his_once_it_can_be_heard():
    members = [{"member": "m1", "name": "Site 1"}]
    places = series.Places(
        [
            told(0, type="members", members=members),
            told(1, type="slots", pictures={"9": "m1"}, sounds={"2": "m1"}),
            told(5, type="slots", pictures={"9": None}, sounds={"2": None}),
        ],
        JOINED_AT,
    )
    assert places.carries("9", 1.1, 1.35) == 1
    assert places.carries("2", 1.1, 1.35) is None  # the page keeps back what it is to play
    assert places.carries("2", 1.3, 1.55) == 1
    assert places.carries("2", 4.6, 4.85) == 1
    assert places.carries("2", 4.8, 5.05) is None


def test_the_first_pictures_of_a_place_are_whose_it_is_given_to_meanwhile():
    members = [{"member": "m1", "name": "Site 1"}, {"member": "m2", "name": "Site 2"}]
    given = told(1, type="slots", pictures={"9": "m1"}, sounds={})
    changed = told(1.1, type="slots", pictures={"9": "m2"}, sounds={})
    known = told(0, type="members", members=members)
    places = series.Places([known, given], JOINED_AT)
    assert places.carries("9", 0.9, 1.15) is None  # counters from before are not his
    assert places.carries("9", 0.9, 1.15, anew=True) == 1
    picture = {"kind": "video", "framesDecoded": 0}
    assert series._anew({}, picture)
    assert series._anew(picture, picture | {"framesDecoded": 3})
    assert not series._anew({"kind": "video", "framesDecoded": 3}, picture)
    assert not series._anew({"kind": "audio"}, {"kind": "audio"})
    assert (
        series.Places([known, given, changed], JOINED_AT).carries("9", 0.9, 1.15, anew=True) is None
    )


def test_a_place_that_changes_hands_is_no_mix():
    places = series.Places(
        [
            told(0, type="slots", pictures={}, sounds={"2": "m1"}, mix=True),
            told(3, type="slots", pictures={}, sounds={"2": None}, mix=False),
        ],
        JOINED_AT,
    )
    assert places.mixes("8", 1, 1.25)
    assert not places.mixes("8", 2.9, 3.1)  # it ends
    assert not places.mixes("2", 1, 1.25)


def test_each_change_of_rate_states_the_queue_again():
    changes = {one.at: one.settings for one in SCENE.changes}
    assert changes[40.0] == {"rate": 1e6, "queue_ms": 200.0}
    assert changes[60.0] == {"rate": 2e6, "queue_ms": 200.0}
    assert changes[80.0] == {"loss": 0.02}
    assert Scene((5.0, 10.0)).changes == []


@pytest.mark.parametrize("member", [1, 2, 3])
def test_a_film_shows_who_sends_it(member):
    dice = np.random.default_rng(1)
    head = camera.Head(member, dice)
    one, other = head.paint(1.0), head.paint(1.4)
    assert len(camera.i420(one, dice)) == 640 * 360 * 3 // 2
    assert camera.whose(tuple(one[camera.PATCH].mean(axis=(0, 1)))) == member
    assert abs(one - other).mean() > 1  # it moves


def test_who_must_be_brought_takes_part_unasked_only_where_it_was(monkeypatch):
    monkeypatch.delenv("MEDIASOUP", raising=False)
    assert "mediasoup" not in present()
    assert {"ours", "mesh"} <= set(present())
    monkeypatch.setenv("MEDIASOUP", "somewhere")
    assert "mediasoup" in present()
