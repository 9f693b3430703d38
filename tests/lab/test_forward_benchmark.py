"""Who takes part in the benchmark of forwarding, and what mediasoup's orders look like."""

import json
import os
import shutil
from pathlib import Path

import pytest
from benchmarks import mediasoup, page
from benchmarks.engine_server import KEYS
from benchmarks.forward import Row, Work, absent, judged, table, verdicts

from sfu.model import Keys

MODULE = """
const transport = (port) => ({
  tuple: { localPort: port },
  srtpParameters: { keyBase64: Buffer.from(`key and salt of port ${port}`).toString("base64") },
  connect: async (wish) => tell({ port, ...wish }),
  produce: async () => ({ id: "picture" }),
  consume: async ({ producerId }) => tell({ port, producerId }),
});
let port = 100;
const tell = (wish) => console.error(JSON.stringify(wish));
const createPlainTransport = async (wish) => tell(wish) ?? transport(port++);
const router = { rtpCapabilities: { codecs: [] }, createPlainTransport };
const worker = { pid: process.pid, on() {}, close() {}, createRouter: async () => router };
exports.createWorker = async () => worker;
"""
"""Answers as the node module does, and tells what it was asked."""


@pytest.fixture(name="folder")
def a_folder_with_a_module_that_only_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    worker = tmp_path / mediasoup.WORKER
    worker.parent.mkdir(parents=True)
    worker.touch()
    (tmp_path / "node_modules/mediasoup/index.js").write_text(MODULE)
    monkeypatch.setenv(mediasoup.VARIABLE, str(tmp_path))
    return tmp_path


def test_mediasoup_is_left_out_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(mediasoup.VARIABLE, raising=False)
    assert "docs/performance.md" in (absent("mediasoup") or "")
    monkeypatch.setenv(mediasoup.VARIABLE, str(tmp_path))
    assert str(mediasoup.WORKER) in (absent("mediasoup") or "")


def test_a_program_that_is_not_installed_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert absent("janus") == "it is not installed"
    assert absent("ours") is None


@pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")
@pytest.mark.parametrize("keys", [KEYS["gcm"], KEYS["cm"], None], ids=["gcm", "cm", "plain"])
def test_each_receiver_is_served_with_the_suite_of_the_row(folder: Path, keys: Keys | None) -> None:
    assert absent("mediasoup") is None
    core = min(os.sched_getaffinity(0))
    with mediasoup.serving(folder, keys, core, [5000, 5001, 5002]) as (_, port, first):
        assert port == 100
        if keys is not None:
            # each sends with a key of its own: what the first sink gets is opened with this one
            assert first is not None
            assert (first.suite, first.key + first.salt) == (
                keys.suite,
                b"key and salt of port 101",
            )
        else:
            assert first is None
    told = [json.loads(line) for line in (folder / "mediasoup.log").read_text().splitlines()]
    suites = [wish.get("srtpCryptoSuite") for wish in told if "listenInfo" in wish]
    assert suites == [None if keys is None else mediasoup.SUITES[keys.suite]] * 3
    # a connection's own port comes first in what is told, the port it sends to replaces it
    assert [wish["port"] for wish in told if "ip" in wish] == [5000, 5001, 5002]
    assert [wish["port"] for wish in told if "producerId" in wish] == [101, 102]


def row(system: str, sinks: int, burst: int, us: float, mode: str = "gcm") -> Row:
    return Row(system, Work(mode, sinks, burst), us, us, us, 0, 0, 0, 1.0)


def test_each_other_system_is_judged_at_our_worst_against_it() -> None:
    rows = [
        row("ours", 8, 1, 5.0), row("mediasoup", 8, 1, 5.0), row("ours", 8, 8, 2.0),
        row("mediasoup", 8, 8, 4.0), row("ours", 32, 8, 3.0), row("mediasoup", 32, 8, 4.0),
        row("ours", 8, 8, 9.0, "plain"), row("mediasoup", 8, 8, 1.0, "plain"),
    ]  # fmt: skip
    assert list(verdicts(rows)) == [
        "ours to mediasoup, gcm, singly: 1.00-1.00, aim 1.15: met",
        "ours to mediasoup, gcm, by pictures: 0.50-0.75, aim 0.65: missed",
    ]


def test_single_packets_are_judged_beside_the_bare_loop_only_where_mediasoup_is_absent() -> None:
    alone = [row("ours", 8, 1, 6.0), row("bare", 8, 1, 5.0)]
    assert list(verdicts(alone)) == ["ours to bare, gcm, singly: 1.20-1.20, aim 1.15: missed"]
    assert list(verdicts([*alone, row("mediasoup", 8, 1, 6.0)])) == [
        "ours to bare, gcm, singly: 1.20-1.20",
        "ours to mediasoup, gcm, singly: 1.00-1.00, aim 1.15: met",
    ]


def measured(system: str, work: Work, us: float, ratio: float, lost: int = 0) -> Row:
    return Row(system, work, us, us, us, lost, 50, 90, ratio)


FEW, MANY = Work("gcm", 8, 1), Work("gcm", 32, 8)
FOUND = [
    measured("ours", FEW, 4.2, 1.2, lost=3), measured("bare", FEW, 3.5, 1.0),
    measured("ours", MANY, 1.8, 0.9), measured("bare", MANY, 2.0, 1.0),
    measured("mediasoup", MANY, 6.0, 3.0),
]  # fmt: skip


def test_the_table_has_a_line_for_each_work_and_a_column_for_each_system() -> None:
    assert table(FOUND).splitlines() == [
        "| us of CPU per packet (to the bare loop) | engine | bare loop | mediasoup |",
        "|---|---|---|---|",
        "| gcm, 8 receivers, singly | 4.20 (1.20) | 3.50 (1.00) |  |",
        "| gcm, 32 receivers, pictures of 8 | 1.80 (0.90) | 2.00 (1.00) | 6.00 (3.00) |",
    ]


def test_a_row_above_the_aim_and_a_lost_packet_are_told() -> None:
    *_, rows, lost = judged(FOUND)
    assert rows == "ours to the bare loop, all 2 rows: 0.90-1.20, 1 above 1.15"
    assert lost == "lost: 3 packets"


def test_what_was_found_replaces_what_stood_between_the_marks(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    plot, there = tmp_path / "new.svg", tmp_path / "performance.md"
    plot.write_text("<svg/>")
    there.write_text("before\n<!-- load -->\nold\n<!-- end -->\n<!-- line two -->\n<!-- end -->\n")
    page.put("load", "| new |", plot, "Latency", there)
    assert there.read_text() == (
        "before\n<!-- load -->\n\n| new |\n\n![Latency](images/load.svg)\n\n<!-- end -->\n"
        "<!-- line two -->\n<!-- end -->\n"
    )
    assert (tmp_path / "images" / "load.svg").read_text() == "<svg/>"
    with pytest.raises(LookupError):
        page.put("forward", "", plot, "CPU", there)


@pytest.mark.parametrize("name", ["forward", "load"])
def test_the_page_has_a_place_for_each_that_writes_there(name: str) -> None:
    assert f"<!-- {name} -->\n" in page.PAGE.read_text()
