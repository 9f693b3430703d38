"""The house is in order: tests mirror modules, settings stand in the docs, links lead on."""

import ast
import dataclasses
import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from sfu.api.app import WebSettings, create_app
from sfu.app.reload import LIVE
from sfu.cli import app
from sfu.config import Settings
from sfu.room.output import NoticeCode
from sfu.shell.news import NewsKind
from sfu.signalling.webrtc.message import ClientMessage, EndCode, RefusalCode, ServerMessage

TOP = Path(__file__).parents[1]
SOURCE = TOP / "src" / "sfu"
NOT_OURS = {".git", ".venv", "build", "dist", "var", "__pycache__", "vectors"}
GENERATED = ("_cache", ".egg-info", ".hypothesis")

PLAYED = "tests/interop plays it with real peers"
SIP = "a part of the user agent, whose tests in tests/signalling/sip play it whole"
RTCP = "read and written by tests/media/rtp/rtcp/test_compound.py"
FRONT = "read by tests/app/test_front.py"
WEB = "asked by a browser's side in tests/api and tests/web"
SHELL = "used by every test of the SIP shell"
PROBE = "the simulated members of a demonstration: " + PLAYED
UNTESTED: dict[str, str] = {
    "__main__.py": "one line",
    "app/calls.py": FRONT,
    "app/scrape.py": FRONT,
    "app/server.py": "puts the parts together: " + PLAYED,
    "api/headers.py": WEB,
    "api/moment.py": "one line",
    "api/origin.py": WEB,
    "api/static.py": WEB,
    "app/service.py": FRONT,
    "app/targets.py": FRONT,
    "app/web.py": "puts the listeners together: " + PLAYED,
    "probe/once.py": "started by `sfu doctor`: " + PLAYED,
    "metrics/h323.py": "shown by tests/metrics/test_collector.py",
    "media/report/ledger.py": "the state of the reporter, whose tests read it",
    "media/rtp/rtcp/description.py": RTCP,
    "media/rtp/rtcp/feedback.py": RTCP,
    "media/rtp/rtcp/rate.py": RTCP,
    "media/rtp/rtcp/report.py": RTCP,
    "probe/__main__.py": PROBE,
    "probe/member.py": PROBE,
    "probe/signalling.py": PROBE,
    "shell/page.py": "played by tests/shell/test_browsers.py",
    "shell/tasks.py": SHELL,
    "shell/tls.py": SHELL,
    "signalling/sdp/agreement.py": "what answers and offers settle: their tests read it",
    "signalling/h323/enrolment.py": "a part of the gatekeeper, whose tests play it whole",
    "signalling/sip/accepted.py": SIP,
    "signalling/sip/dialog.py": SIP,
    "signalling/sip/hangup.py": SIP,
    "signalling/sip/outbox.py": SIP,
    "signalling/sip/session_timer.py": SIP,
    "signalling/sip/text.py": SIP,
    "signalling/sip/transaction/key.py": SIP,
    "worker/output.py": "a part of the mixer, whose tests hear what it sends",
}
"""Modules without a test of their own, and why that will do."""


def files(*suffixes):
    for folder, below, names in os.walk(TOP):
        below[:] = sorted(
            name for name in below if name not in NOT_OURS and not name.endswith(GENERATED)
        )
        ours = (name for name in names if name not in NOT_OURS)
        yield from (Path(folder, name) for name in ours if Path(name).suffix in suffixes)


def declares_only(path):
    """Tell whether a module holds nouns alone: constants and classes whose methods show them."""
    tree = ast.parse(path.read_text())
    return not any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) for node in tree.body)


def modules():
    for path in sorted(SOURCE.rglob("*.py")):
        if path.name != "__init__.py" and "migrations" not in path.parts:
            yield path


def test_each_module_has_a_test_or_a_reason():
    imported = {
        ".".join(parts[:n])
        for path in (TOP / "tests").rglob("*.py")
        for word in re.findall(r"\bsfu\.[\w.]+", path.read_text())
        for parts in [word.split(".")]
        for n in range(2, len(parts) + 1)
    }
    missing = []
    for path in modules():
        inside = path.relative_to(SOURCE)
        name = "sfu." + ".".join(inside.with_suffix("").parts)
        if (TOP / "tests" / inside.parent / f"test_{path.name}").exists():
            continue
        if declares_only(path) or name in imported:
            continue
        missing.append(str(inside))
    assert sorted(set(missing) - set(UNTESTED)) == []
    assert sorted(set(UNTESTED) - {str(one.relative_to(SOURCE)) for one in modules()}) == []


def test_each_test_stands_where_its_module_stands():
    beside = {"native", "interop", "fuzz", "lab", "scenarios", "web", "vectors"}
    astray = [
        str(path)
        for path in (TOP / "tests").rglob("test_*.py")
        if path.parent != TOP / "tests"
        and path.relative_to(TOP / "tests").parts[0] not in beside
        and not (SOURCE / path.parent.relative_to(TOP / "tests")).is_dir()
    ]
    assert astray == []


def settings_rows():
    defaults = tomllib.loads((TOP / "config" / "sfu.toml").read_text())
    lines = re.findall(r"(?m)^(\w+) = (.*)$|^\[(\w+)\]$", (TOP / "config/sfu.toml").read_text())
    section = ""
    for key, value, opened in lines:
        if opened:
            section = opened
        else:
            place = defaults[section] if section else defaults
            assert key in place
            yield f"| {f'`[{section}]`' if section else ''} | `{key} = {value}` |"


def test_each_setting_stands_with_its_default_in_the_docs():
    page = (TOP / "docs" / "operating.md").read_text()
    assert [row for row in settings_rows() if row not in page] == []


def test_each_key_of_a_table_that_repeats_stands_in_the_docs():
    page = (TOP / "docs" / "operating.md").read_text()
    for name, kind in get_type_hints(Settings).items():
        inner = get_args(kind)[:1]
        if inner and dataclasses.is_dataclass(inner[0]):
            keys = " ".join(one.name for one in dataclasses.fields(inner[0]))
            assert f"| `[[{name}]]` | `{keys}`" in page


@pytest.mark.parametrize("page", ["operating.md", "operating.fr.md"])
def test_what_counts_at_once_when_settings_are_read_again_stands_in_the_docs(page):
    text = (TOP / "docs" / page).read_text()
    row = re.search(r"(?m)^\| counts at once.*\n.*\n(.*)$|^\| vaut aussitôt.*\n.*\n(.*)$", text)
    assert row
    said = next(filter(None, row.groups())).split(" | ")[0]
    limits = {f"sip.{one}" for one in ("calls_per_min", "wrong_passwords_per_min")}  # "to"
    for one in LIVE - limits:
        section, _, key = one.partition(".")
        assert f"`[{section}]`" in said or f"`[[{section}]]`" in said or f"`{section}`" in said
        assert not key or f"`{key}`" in said, one


FRENCH = [
    "operating", "first-day", "install", "room-in-ten-minutes", "meeting-page", "metrics", "api",
    "lines", "bookings", "ledger",
]  # fmt: skip
"""Pages for who runs, installs and uses it; those for who changes it are in English."""


FEWER_IN_FRENCH = {"operating": 1, "api": 2, "bookings": 2, "ledger": 2, "lines": 2}
"""Sections that French pages leave to the English one: the table of settings, say."""


@pytest.mark.parametrize("page", FRENCH)
def test_each_page_for_people_has_its_french_twin_and_they_know_each_other(page):
    english, french = (TOP / "docs" / f"{page}{end}" for end in (".md", ".fr.md"))
    assert f"]({french.name})" in english.read_text()
    assert f"]({english.name})" in french.read_text()
    depth = [len(re.findall(r"(?m)^## ", one.read_text())) for one in (english, french)]
    assert max(depth) - min(depth) <= FEWER_IN_FRENCH.get(page, 0), depth
    assert f"docs/{french.name}" in (TOP / "README.md").read_text()


@pytest.mark.parametrize("page", ["operating.md", "operating.fr.md"])
def test_each_verb_stands_in_the_docs(page):
    text = (TOP / "docs" / page).read_text()
    verbs = [one.name or one.callback.__name__ for one in app.registered_commands if one.callback]
    assert [verb for verb in verbs if f"sfu {verb}" not in text] == []


@pytest.mark.parametrize("page", ["api.md", "api.fr.md"])
def test_each_route_stands_in_the_docs(page):
    text = (TOP / "docs" / page).read_text()
    nobody: Any = None  # routes are made here, not taken
    paths = create_app(nobody, WebSettings(metrics=True)).openapi()["paths"]
    routes = [f"{verb.upper()} {path}" for path, verbs in paths.items() for verb in verbs]
    assert len(routes) >= 7
    assert [one for one in routes if f"`{one}`" not in text] == []


def test_each_word_of_the_browsers_protocol_stands_on_its_page():
    page = (TOP / "docs" / "protocol.md").read_text()
    for union in (ClientMessage, ServerMessage):
        for kind in get_args(union):
            name = kind.model_fields["type"].default
            row = re.search(rf"(?m)^\| `{name}` \|.*$", page)
            assert row, name
            said = [one for one in kind.model_fields if one != "type"]
            assert [one for one in said if f"`{one}`" not in row[0]] == []
    codes = [*RefusalCode, *NoticeCode]
    assert [code for code in codes if f"| `{code}` |" not in page] == []
    assert [
        code for code in EndCode if f"`{code}` (" not in page and f"`{code}`." not in page
    ] == []


@pytest.mark.parametrize("page", ["api.md", "api.fr.md"])
def test_each_event_stands_in_the_docs(page):
    text = (TOP / "docs" / page).read_text()
    assert [kind for kind in NewsKind if f"`{kind}`" not in text] == []


def test_each_part_of_the_house_stands_in_the_tour():
    tour = (TOP / "docs" / "architecture.md").read_text()
    shell = [path.stem for path in sorted((SOURCE / "shell").glob("*.py")) if path.stem[0] != "_"]
    assert [name for name in shell if not re.search(rf"\b{name}\b", tour)] == []


def test_links_between_pages_lead_somewhere():
    broken = []
    for page in files(".md"):
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in target and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(TOP)}: {target}")
    assert broken == []


def test_no_path_of_one_machine_and_no_open_end_stands_in_the_tree():
    # the words are put together here, so that this file does not find itself
    wrong = re.compile("|".join(["/wo" + r"rk/\w", "/fa" + r"rm\b", "TO" + "DO", "FIX" + "ME"]))
    found = [
        f"{path.relative_to(TOP)}: {match.group()}"
        for path in files(".py", ".md", ".toml", ".c", ".h", ".js", ".html", ".css", ".service", "")
        if (match := wrong.search(path.read_text(errors="replace")))
    ]
    assert found == []


SCRIPTS = ["run", "test", "check", "bench", "prepare", "fresh-machine", "voices", "cards",
           "install", "upgrade", "remove", "certificate", "sfu"]  # fmt: skip


@pytest.mark.parametrize("name", [*(f"scripts/{one}" for one in SCRIPTS), ".ci/run"])
def test_each_script_can_be_run_and_says_what_it_is_for(name):
    path = TOP / name
    first, second = path.read_text().splitlines()[:2]
    assert path.stat().st_mode & 0o111
    assert first == "#!/usr/bin/env bash"
    assert second.startswith("# ")
    assert subprocess.run(["bash", "-n", str(path)]).returncode == 0
