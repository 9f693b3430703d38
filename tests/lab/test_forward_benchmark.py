"""Who takes part in the benchmark of forwarding, and what mediasoup's orders look like."""

import json
import os
import shutil
from pathlib import Path

import pytest
from benchmarks import mediasoup
from benchmarks.engine_server import KEYS
from benchmarks.forward import Row, Work, absent, verdicts

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
