"""The command line answers quickly, and says in one line what its caller can put right."""

import asyncio
import http.server
import json
import subprocess
import sys
import threading
import types
from pathlib import Path
from typing import Any

import pytest

from sfu import cli
from sfu.errors import UseError
from tests.databases import kept_at

CONFIG = Path(__file__).parents[1] / "config"


@pytest.fixture
def run(monkeypatch, capsys):
    def run(*words):
        monkeypatch.setattr(sys, "argv", ["sfu", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out = capsys.readouterr()
        return ended.value.code, out.out, out.err

    return run


@pytest.fixture
def app(monkeypatch):
    """Stands where the composition root does; what the command line hands it is looked at."""
    module = types.ModuleType("sfu.app")
    monkeypatch.setitem(sys.modules, "sfu.app", module)
    return module


def test_help_imports_none_of_the_server():
    loaded = "import sys, sfu.cli; print({'pydantic', 'numpy', 'asyncio'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True)
    assert shown.stdout == "set()\n"


def test_the_verbs_are_those_others_rely_on(run):
    code, out, _ = run("--help")
    assert code == 0
    assert all(
        verb in out for verb in ("serve", "demo", "check-config", "call", "report", "version")
    )


def test_check_config_takes_what_is_right(run):
    for name in ("sfu", "haut-jura", "haut-languedoc"):
        code, out, err = run("check-config", str(CONFIG / f"{name}.toml"))
        assert (code, err) == (0, "")
        assert "right" in out


def test_check_config_names_what_is_wrong(run, tmp_path):
    (tmp_path / "a.toml").write_text("[http]\ntls_prot = 1\n")
    code, out, err = run("check-config", str(tmp_path / "a.toml"))
    assert (code, out) == (2, "")
    assert err == f"sfu: {tmp_path}/a.toml: http.tls_prot: unknown key; perhaps tls_port?\n"


def test_serve_hands_over_the_settings_and_gives_back_the_code(run, app, tmp_path):
    (tmp_path / "a.toml").write_text("[http]\ntls_port = 9443\n")
    seen = []

    def serve(settings, reread):
        assert reread() == settings
        seen.append(settings)
        return 3

    app.serve = serve
    words = ("serve", "--config", str(tmp_path / "a.toml"), "--data", str(tmp_path))
    assert run(*words)[0] == 3
    assert (seen[0].http.tls_port, seen[0].data) == (9443, str(tmp_path))


def test_what_stops_a_start_is_one_line_and_code_2(run, app):
    def busy(settings, reread):
        raise UseError("SIP over UDP, 0.0.0.0:5060 is in use")

    app.serve = app.demo = busy
    for verb in ("serve", "demo"):
        assert run(verb) == (2, "", "sfu: SIP over UDP, 0.0.0.0:5060 is in use\n")


ANSWERS = {
    "7001": (201, {"call": 1, "answered": True}),
    "7002": (502, {"answered": False, "reason": "busy", "status": 486, "text": "Busy Here"}),
    "7003": (400, {"detail": "nobody is called 7003"}),
    "": (422, {"detail": [{"loc": ["target"], "msg": "too short"}]}),
}


TOTAL = {"key": "total", "meetings": 6, "people": 18, "minutes": 720, "km": 2584, "co2_kg": 630.5}
LEDGER = {
    "by": "site",
    "first_day": "2026-01-01",
    "last_day": "2026-12-31",
    "rows": [TOTAL | {"key": ""}, TOTAL | {"key": "beziers"}],
    "total": TOTAL,
    "titles": {"beziers": "Béziers"},
    "unknown_roads": [["beziers", "olargues"]],
}


@pytest.fixture
def server(tmp_path):
    """Answers like the API, on loopback."""
    seen: list[Any] = []

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.append((self.path, body))
            status, said = ANSWERS[body["target"]]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(said).encode())

        def do_GET(self):
            seen.append(self.path)
            self.send_response(400 if "to=2020" in self.path else 200)
            self.end_headers()
            refused = {"detail": "2020-01-01 is before 2026-01-01"}
            said = refused if "to=2020" in self.path else LEDGER
            self.wfile.write(b"month,km\r\n" if "csv" in self.path else json.dumps(said).encode())

        def log_message(self, *words):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Answer) as web:
        threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01}).start()
        (tmp_path / "a.toml").write_text(f"[http]\nlocal_port = {web.server_port}\n")
        yield str(tmp_path / "a.toml"), seen
        web.shutdown()


def test_call_asks_the_running_server(run, server):
    config, seen = server
    code, out, _ = run("call", "7001", "--room", "4201", "--config", config)
    assert (code, json.loads(out)) == (0, ANSWERS["7001"][1])
    assert seen == [("/api/v1/calls", {"target": "7001", "room": "4201"})]


def test_report_lays_out_what_the_running_server_reckons(run, server):
    config, seen = server
    code, out, _ = run("report", "--from", "2026-01-01", "--by", "site", "--config", config)
    assert code == 0
    assert seen == ["/api/v1/ledger?from=2026-01-01&by=site&format=json"]
    assert out.splitlines() == [
        "2026-01-01 to 2026-12-31",
        "site     meetings  people  minutes     km  CO2 kg",
        "-               6      18      720  2,584     630",
        "Béziers         6      18      720  2,584     630",
        "total           6      18      720  2,584     630",
        "no [[distance]] between beziers and olargues: 0 km",
    ]


def test_report_hands_on_a_table_and_a_refusal(run, server):
    config, _ = server
    assert run("report", "--csv", "--config", config)[:2] == (0, "month,km\n")
    code, out, err = run("report", "--to", "2020-01-01", "--config", config)
    assert (code, out, err) == (2, "", "sfu: 2020-01-01 is before 2026-01-01\n")


def test_call_repeats_the_words_of_a_refusal(run, server):
    config, _ = server
    said = {
        number: run("call", number, "--room", "4201", "--config", config)
        for number in ("7002", "7003", "")
    }
    assert {code for code, _, _ in said.values()} == {2}
    assert said["7002"][2] == "sfu: not answered: busy (486 Busy Here)\n"
    assert said["7003"][2] == "sfu: nobody is called 7003\n"
    assert said[""][2] == "sfu: target: too short\n"


def test_call_says_when_no_server_runs(run, tmp_path):
    (tmp_path / "a.toml").write_text("[http]\nlocal_port = 1\n")
    code, _, err = run("call", "1", "--room", "4201", "--config", str(tmp_path / "a.toml"))
    assert code == 2
    assert err.startswith("sfu: no server answers at http://127.0.0.1:1/api/v1/calls: ")


def kept(url):
    """Keep a call as a server does."""
    from sfu.model import MemberId, Protocol, RoomId
    from sfu.shell.record import Joining
    from sfu.shell.store import Store

    async def story():
        store = await Store.open(url)
        joining = Joining(RoomId("42"), MemberId("m1"), "Jeanne", Protocol.SIP, "", "")
        store.left(store.joined(joining, 1000.0), 1060.0, "hung_up")
        await store.close()

    asyncio.run(story())


def test_what_is_kept_is_backed_up_forgotten_and_comes_back(run, tmp_path, url):
    file, copy = tmp_path / "sfu.toml", str(tmp_path / "copy")
    file.write_text(kept_at(url))
    home = ("--config", str(file), "--data", str(tmp_path / "data"))
    kept(url)
    assert run("backup", copy, *home)[0] == 0
    for _ in range(2):
        assert run("forget", "jeanne", *home) == (0, "forgotten in 1 rows\n", "")
        assert run("forget", "jeanne", *home)[:2] == (0, "nothing is kept of that\n")
        code, out, err = run("restore", copy, *home)
        # a call, its meeting
        assert (code, out, err) == (0, f"{copy}: 2 rows restored\n", "")
    code, password, err = run("account", "anne", "--role", "operator", *home)
    assert (code, len(password.split()), err) == (0, 1, "")
    assert run("account", "bruno", *home)[0] == 2
    assert not (tmp_path / "data" / "calls.sqlite3").exists()


def test_a_backup_of_the_data_directory_comes_back(run, tmp_path):
    data, copy = tmp_path / "data", tmp_path / "copy"
    data.mkdir()
    kept(f"sqlite:///{data}/calls.sqlite3")
    code, out, err = run("backup", str(copy), "--data", str(data))
    assert (code, err) == (0, "")
    assert out == f"{copy}: {copy.stat().st_size} bytes\n"
    again = tmp_path / "again"
    code, out, err = run("restore", str(copy), "--data", str(again))
    assert (code, out, err) == (0, f"{copy}: 2 rows restored\n", "")
    code, out, err = run("forget", "jeanne", "--data", str(again))
    assert (code, out, err) == (0, "forgotten in 1 rows\n", "")
    assert run("forget", "jeanne", "--data", str(again))[:2] == (0, "nothing is kept of that\n")


def test_what_stops_a_backup_is_one_line(run, tmp_path):
    data = tmp_path / "data"
    code, out, err = run("backup", str(tmp_path / "copy"), "--data", str(data))
    assert (code, out) == (2, "")
    assert err == f"sfu: nothing to back up: {data}/calls.sqlite3 does not exist\n"
    (tmp_path / "letter").write_text("hello")
    code, _, err = run("restore", str(tmp_path / "letter"), "--data", str(data))
    assert (code, err) == (2, f"sfu: {tmp_path}/letter is no backup of sfu\n")
    assert run("forget", "--data", str(data))[0] == 2
    assert run("forget", "--before", "yesterday", "--data", str(data))[0] == 2
