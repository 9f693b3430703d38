"""Prometheus itself scrapes the running server: rules and dashboard ask for series there are."""

import asyncio
import json
import re
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.interop.fixtures import ANNE, LAJOUX
from tests.interop.ports import free_port
from tests.interop.process import die_with_parent
from tests.interop.wait import until

pytestmark = [pytest.mark.interop, pytest.mark.waits]

CONFIG = Path(__file__).parents[2] / "config"
RULES = CONFIG / "prometheus" / "sfu.rules.yml"
SETTINGS = """
[[site]]
name = "lajoux"
[[line]]
site = "lajoux"
up_bps = 20_000_000
down_bps = 20_000_000
networks = ["127.0.0.1/32"]
[[trunk]]
name = "pbx"
registrar = "127.0.0.1:9"
user = "visio"
password = "x"
[[webhook]]
name = "ledger"
url = "http://127.0.0.1:9/"
secret = "a secret of twenty letters"
[gatekeeper]
host = "127.0.0.1:9"
"""
RATE = "rate(sfu_line_sent_bytes_total[1m])"
ABSENT = {
    "sfu_line_pictures",  # while nobody is shown anything there
}
"""Series of the dashboard that need not be there at any moment."""


def ran(*words: str, cwd: Path | None = None, given: bytes | None = None) -> str:
    done = subprocess.run(words, cwd=cwd, input=given, capture_output=True, timeout=60)
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, said
    return said


def test_rules_and_scrape_settings_are_right_and_wake_whom_they_should() -> None:
    home = CONFIG / "prometheus"
    assert "SUCCESS" in ran("promtool", "check", "config", "prometheus.yml", cwd=home)
    assert "SUCCESS" in ran("promtool", "test", "rules", "sfu.rules.test.yml", cwd=home)


def asked_by_dashboard() -> list[str]:
    board = json.loads((CONFIG / "grafana" / "sfu.json").read_text())
    return [
        _filled(target["expr"])
        for panel in board["panels"]
        for target in panel.get("targets", [])
    ]  # fmt: skip


def _filled(expression: str) -> str:
    """Put values in place of what Grafana fills in."""
    filled = {"$__rate_interval": "1m", "$job": "sfu", "$instance": ".+"}
    for name, value in filled.items():
        expression = expression.replace(name, value)
    return expression


def _rules(port: int) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/rules", timeout=10) as answer:
        groups = json.loads(answer.read())["data"]["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_the_running_server_has_every_series_that_is_asked_for(
    meeting: Any, tmp_path: Path
) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve(SETTINGS)
            lajoux = await m.room(LAJOUX)
            await lajoux.dial(server.sip("4201"))
            anne = await m.person(ANNE)
            await anne.sees(LAJOUX)
            page = server.get("/metrics")
            ran("promtool", "check", "metrics", given=page.encode())
            port = free_port(29_000)
            prometheus = _started(tmp_path, port, server.base + 3)
            try:
                await until(lambda: _value(port, "up") == "1", 30, "the first scrape")
                await until(lambda: _value(port, RATE), 30, "the second: a rate takes two")
                _asked(port, page)
            finally:
                prometheus.terminate()
                prometheus.wait(10)

    asyncio.run(asyncio.wait_for(story(), 150))


def _started(home: Path, port: int, target: int) -> "subprocess.Popen[bytes]":
    text = (CONFIG / "prometheus" / "prometheus.yml").read_text()
    text = text.replace("127.0.0.1:8080", f"127.0.0.1:{target}").replace("15s", "1s")
    (home / "prometheus.yml").write_text(text)
    (home / RULES.name).write_text(RULES.read_text())
    with open(home / "prometheus.log", "wb") as log:
        return subprocess.Popen(
            ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data",
             f"--web.listen-address=127.0.0.1:{port}"],
            cwd=home, stdout=log, stderr=log, preexec_fn=die_with_parent,
        )  # fmt: skip


def _ask(port: int, expression: str) -> Any:
    query = urllib.parse.urlencode({"query": expression})
    url = f"http://127.0.0.1:{port}/api/v1/query?{query}"
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{expression}: {error.read().decode()}") from None


def _value(port: int, expression: str) -> str:
    try:
        found = _ask(port, expression)["data"]["result"]
    except (OSError, AssertionError):  # 503 while it starts
        return ""
    return str(found[0]["value"][1]) if found else ""


def _asked(port: int, page: str) -> None:
    """Ask everything rules and dashboard ask; each name in it is one the server has."""
    names = {re.split(r"[{ ]", line)[0] for line in page.splitlines() if line[:1] not in ("#", "")}
    rules = _rules(port)
    assert len(rules) >= 20
    assert [rule["name"] for rule in rules if rule["health"] == "err"] == []
    for rule in rules:
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert set(rule["annotations"]) == {"summary", "do"}
    for expression in (*(rule["query"] for rule in rules), *asked_by_dashboard()):
        assert _ask(port, expression)["status"] == "success"
        said = set(re.findall(r"\b(?:sfu|process)_\w+\b", expression))
        assert said - names - ABSENT == set(), expression
    for expression in asked_by_dashboard():
        if not (set(re.findall(r"\bsfu_\w+\b", expression)) & ABSENT):
            assert _ask(port, expression)["data"]["result"], f"nothing comes of {expression}"
