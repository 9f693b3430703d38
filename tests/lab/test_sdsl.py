"""The emulated line keeps to the arithmetic of its README."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.lab.sdsl import line_bytes

PROGRAM = str(Path(__file__).with_name("sdsl.py"))


@pytest.mark.parametrize(
    ("framing", "overhead", "wire"),
    [("plain", 0, 1228), ("efm", 30, 1278), ("atm", 10, 1378), ("atm", 40, 1431)],
)
def test_a_packet_of_1228_bytes_takes_so_much_of_the_line(framing, overhead, wire):
    assert round(line_bytes(1228, framing, overhead)) == wire


def test_cells_make_cliffs():
    assert line_bytes(38, "atm", 10) == 53
    assert line_bytes(39, "atm", 10) == 106


@pytest.mark.interop
def test_a_line_carries_what_its_rate_allows(tmp_path):
    where = ["--prefix", "lt", "--run-dir", str(tmp_path / "run")]

    def sdsl(verb, *words):
        done = subprocess.run(
            [sys.executable, PROGRAM, verb, *where, *words],
            capture_output=True, text=True, check=True, env=dict(os.environ),
        )  # fmt: skip
        return done.stdout

    sdsl("up", "--sites", "1", "--atm", "--realtime")
    try:
        words = ("--site", "1", "--kbps", "2500", "--size", "1200", "--seconds", "3")
        result = json.loads(sdsl("check", *words))
    finally:
        sdsl("down")
    assert result["ip_kbps"] == pytest.approx(result["model_most_ip_kbps"], rel=0.03)
    assert result["p50_ms"] == pytest.approx(200 + result["model_idle_ms"], rel=0.15)  # full queue
