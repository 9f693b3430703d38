"""The command line: `sfu serve`, `demo`, `check-config`, `call`, `backup`, `restore` and others.

Each command imports what it needs when it runs, so that `--help` answers at once.  What is wrong
with a setting, a port or a file is one line on standard error, and exit code 2.
"""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sfu.errors import UseError

if TYPE_CHECKING:
    from sfu.config import Settings

    Run = Callable[[Settings, Callable[[], Settings]], int]

USE_ERROR = 2
"""Exit code for everything the caller can put right."""
ANSWER_S, RESTORE_S = 60.0, 3600.0
"""How long the running server is given to answer, and to put a whole backup in place."""

ConfigFile = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Settings; none are needed.")
]
DataDirectory = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="Where everything is written.")
]

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Meetings for rooms behind thin lines: SIP room codecs and browsers.",
)


@app.command()
def serve(config: ConfigFile = None, data: DataDirectory = None) -> None:
    """Run the server."""
    from sfu.app import serve as run

    _run(run, config, data)


@app.command()
def demo(config: ConfigFile = None, data: DataDirectory = None) -> None:
    """Run the server with simulated members in a room, to be seen in a browser."""
    from sfu.app import demo as run

    _run(run, config, data)


@app.command("check-config")
def check_config(file: Annotated[Path, typer.Argument(metavar="FILE")]) -> None:
    """Say whether a settings file is right, and if not, what is wrong."""
    from sfu.config.check import notes

    settings = _settings(file, None)
    for note in notes(settings):
        typer.echo(f"{file}: note: {note}")
    rooms, lines = len(settings.room), len(settings.line)
    typer.echo(f"{file}: right (rooms: {rooms}, lines: {lines})")


@app.command()
def call(
    number: Annotated[
        str, typer.Argument(help="The number of an endpoint, or a sip: or h323: address.")
    ],
    room: Annotated[str, typer.Option("--room", help="The room it is called into.")],
    config: ConfigFile = None,
) -> None:
    """Have the running server call somebody into a room."""
    answer = _post(
        f"http://127.0.0.1:{_settings(config, None).http.local_port}/api/v1/calls",
        {"target": number, "room": room},
    )
    typer.echo(json.dumps(answer, ensure_ascii=False))


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    config: ConfigFile = None,
    data: DataDirectory = None,
) -> None:
    """Write all that is kept into one file, while the server runs or not."""
    from sfu.shell.backup import back_up

    size = back_up(_database(_settings(config, data)), file)
    typer.echo(f"{file}: {size} bytes")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    config: ConfigFile = None,
    data: DataDirectory = None,
) -> None:
    """Put a backup in place of what is kept, while the server runs or not."""
    from sfu.app.upkeep import forget_staged, has_administrator, stage
    from sfu.app.upkeep import restore as put_back
    from sfu.shell.data import InUse

    settings = _settings(config, data)
    try:
        rows = put_back(settings, file, os.environ)
    except InUse:
        name, key = stage(settings, file, os.environ)
        url = f"http://127.0.0.1:{settings.http.local_port}/api/v1/restore"
        try:
            rows = _post(url, {"file": name}, key, RESTORE_S)["rows"]
        except UseError:
            forget_staged(settings, name, os.environ)
            raise
        if not has_administrator(settings, os.environ):  # the next start would make one
            say = "no administrator came back: sfu account NAME --role administrator makes one"
            typer.echo(say, err=True)
    typer.echo(f"{file}: {rows} rows restored")


@app.command()
def account(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    role: Annotated[
        str,
        typer.Option("--role", help="read_only, organiser, operator or administrator."),
    ] = "",
    remove: Annotated[bool, typer.Option("--remove", help="Remove it.")] = False,
    config: ConfigFile = None,
    data: DataDirectory = None,
) -> None:
    """Make an account of the API, or give one a new password, and show it."""
    from sfu.app.upkeep import set_account
    from sfu.model import Role

    if role and role not in list(Role):
        raise UseError(f"{role!r} is no role: {', '.join(Role)}")
    chosen = Role(role) if role else None
    password = set_account(_settings(config, data), os.environ, name, chosen, remove=remove)
    typer.echo(password or f"{name}: removed")


@app.command()
def forget(
    who: Annotated[str, typer.Argument(metavar="[NAME|ADDRESS]")] = "",
    before: Annotated[
        str, typer.Option("--before", metavar="DATE", help="Everybody, in what began before.")
    ] = "",
    config: ConfigFile = None,
    data: DataDirectory = None,
) -> None:
    """Empty the names and addresses of somebody, or of all that began before a day."""
    from sfu.shell.forget import forget as empty
    from sfu.shell.forget import read_date

    if not (who.strip() or before):
        raise UseError("forget whom?  A name, an address, or --before 2026-01-31")
    met = empty(_database(_settings(config, data)), who, read_date(before) if before else None)
    typer.echo(f"forgotten in {met} rows" if met else "nothing is kept of that")


@app.command()
def report(
    first: Annotated[str, typer.Option("--from", metavar="DAY", help="2026-01-01")] = "",
    last: Annotated[str, typer.Option("--to", metavar="DAY", help="Included; today.")] = "",
    by: Annotated[str, typer.Option("--by", help="month, site or organisation.")] = "month",
    csv: Annotated[bool, typer.Option("--csv", help="For a spreadsheet.")] = False,
    config: ConfigFile = None,
) -> None:
    """Say what the meetings saved: kilometres nobody drove, and their CO2."""
    from urllib.parse import urlencode

    asked = {"from": first, "to": last, "by": by, "format": "csv" if csv else "json"}
    query = urlencode({key: value for key, value in asked.items() if value})
    port = _settings(config, None).http.local_port
    text = _get(f"http://127.0.0.1:{port}/api/v1/ledger?{query}")
    typer.echo(text.rstrip() if csv else _ledger_table(json.loads(text)))


@app.command()
def reload(config: ConfigFile = None, data: DataDirectory = None) -> None:
    """Have the running server read its settings again; no call hears of it."""
    done = _command("reload", config, data, {})
    typer.echo(f"counts now: {', '.join(done['live']) or 'nothing changed'}")
    if done["restart"]:
        typer.echo(f"at the next start only: {', '.join(done['restart'])}")


@app.command()
def drain(
    within_min: Annotated[
        float, typer.Option("--within", metavar="MINUTES", help="Then it ends whoever is there.")
    ] = 60.0,
    cancel: Annotated[bool, typer.Option("--cancel", help="Take calls again.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Come back when it has ended.")] = False,
    config: ConfigFile = None,
    data: DataDirectory = None,
) -> None:
    """Have the running server take no more calls, and end when nobody is left."""
    if cancel:
        _command("drain", config, data, method="DELETE")
        typer.echo("takes calls again")
        return
    asked = _command("drain", config, data, {"within_s": within_min * 60})
    typer.echo(f"takes no more calls; there still: {asked['people']}")
    if wait:
        _wait_until_gone(_settings(config, data).http.local_port)
        typer.echo("ended")


@app.command()
def doctor(
    config: ConfigFile = None,
    data: DataDirectory = None,
    language: Annotated[
        str, typer.Option("--language", metavar="fr|en", help="That of LANG, unless told.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="For a program.")] = False,
    stun: Annotated[
        str, typer.Option("--stun", metavar="HOST", help="Asked how the Internet sees us.")
    ] = "",
    loops: Annotated[bool, typer.Option(help="Call ourselves.")] = True,
) -> None:
    """Look at everything a meeting needs, and say what to mend; exit code 1 where something is."""
    from sfu.app.doctor import examine, table, view
    from sfu.app.doctor.finding import Level

    spoken = language or ("fr" if os.environ.get("LANG", "").startswith("fr") else "en")
    found = list(examine(_settings(config, data), os.environ, stun=stun, loops=loops))
    if as_json:
        typer.echo(json.dumps(view(found, spoken), ensure_ascii=False, indent=1))
    else:
        typer.echo(table(found, spoken))
    raise typer.Exit(any(one.level is Level.WRONG for one in found))


@app.command()
def version() -> None:
    """Say which version this is."""
    from importlib.metadata import version as installed

    typer.echo(f"sfu {installed('sfu')}")


def main() -> None:
    """Run the command line; turn our own refusals into one line and exit code 2."""
    try:
        app()
    except UseError as error:
        print(f"sfu: {error}", file=sys.stderr)
        sys.exit(USE_ERROR)


def _run(run: "Run", config: Path | None, data: Path | None) -> None:
    raise typer.Exit(run(_settings(config, data), lambda: _settings(config, data)))


def _settings(config: Path | None, data: Path | None) -> "Settings":
    from dataclasses import replace

    from sfu.config import load

    settings = load(config, os.environ)
    return replace(settings, data=str(data)) if data else settings


def _database(settings: "Settings") -> str:
    """Give the URL of the database these settings name."""
    from sfu.shell.data import chosen_directory, store_url

    return store_url(chosen_directory(settings.data, os.environ), settings.store.url)


def _ledger_table(view: Any) -> str:
    """Lay the answer of the ledger out for a terminal."""
    head = (view["by"], "meetings", "people", "minutes", "km", "CO2 kg")
    fields = ("meetings", "people", "minutes", "km", "co2_kg")
    lines: list[tuple[str, ...]] = [head]
    for row in (*view["rows"], view["total"]):
        key = view["titles"].get(row["key"], row["key"]) or "-"
        lines.append((key, *(f"{row[field]:,.0f}" for field in fields)))
    wide = [max(map(len, column)) for column in zip(*lines, strict=True)]
    shown = [
        "  ".join([line[0].ljust(wide[0]), *map(str.rjust, line[1:], wide[1:])]) for line in lines
    ]
    shown += [f"no [[distance]] between {a} and {b}: 0 km" for a, b in view["unknown_roads"]]
    return "\n".join([f"{view['first_day']} to {view['last_day']}", *shown])


def _command(
    verb: str,
    config: Path | None,
    data: Path | None,
    body: dict[str, Any] | None = None,
    method: str = "POST",
) -> Any:
    """Tell the server on this machine to do something only who reads its directory may."""
    from sfu.app.upkeep import control_key

    settings = _settings(config, data)
    url = f"http://127.0.0.1:{settings.http.local_port}/api/v1/{verb}"
    raw = None if body is None else json.dumps(body).encode()
    return json.loads(_ask(url, raw, control_key(settings, os.environ), method=method))


def _wait_until_gone(port: int) -> None:
    """Come back when nobody answers any more."""
    import time

    while True:
        try:
            _get(f"http://127.0.0.1:{port}/healthz")
        except UseError:
            return
        time.sleep(1)


def _post(url: str, body: dict[str, Any], key: str = "", patience_s: float = ANSWER_S) -> Any:
    """Send JSON to the server on this machine; raise UseError with its own words."""
    return json.loads(_ask(url, json.dumps(body).encode(), key, patience_s))


def _get(url: str) -> str:
    """Ask the server on this machine; raise UseError with its own words."""
    return _ask(url, None)


def _ask(
    url: str,
    body: bytes | None,
    key: str = "",
    patience_s: float = ANSWER_S,
    method: str | None = None,
) -> str:
    from urllib.error import HTTPError, URLError
    from urllib.request import ProxyHandler, Request, build_opener

    headers = {"Content-Type": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    method = method or ("GET" if body is None else "POST")
    request = Request(url, body, headers, method=method)
    opener = build_opener(ProxyHandler({}))  # loopback never goes by a proxy
    try:
        with opener.open(request, timeout=patience_s) as answer:
            return str(answer.read().decode())
    except HTTPError as error:
        raise UseError(_reason(error.read(65536)) or f"{error.code} {error.reason}") from None
    except (URLError, OSError) as error:
        raise UseError(f"no server answers at {url}: {getattr(error, 'reason', error)}") from None


def _reason(body: bytes) -> str:
    """Take the words out of a refusal, where it has some: of the API, or of the far end."""
    try:
        said = json.loads(body)
    except ValueError:
        return ""
    if "answered" in said:
        return f"not answered: {said['reason']} ({said['status']} {said['text']})"
    detail = said.get("detail", "")
    if isinstance(detail, str):
        return detail
    # the API's own list of what it does not take: the key, and why
    return "; ".join(f"{one['loc'][-1]}: {one['msg']}" for one in detail)
