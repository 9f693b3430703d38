"""`sfu doctor`: looks at everything a meeting needs, and says what to do in one sentence each.

::

    settings --> ports, addresses, NAT, certificate, names, disk, database, clock, libraries
    server that runs --> is it ready? --> a call to ourselves by SIP, a page of our own by WebRTC
"""

import asyncio
import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

from sfu.app.doctor import loop
from sfu.app.doctor.certificate import check_certificate
from sfu.app.doctor.finding import Finding, Level, Words, fine, note, wrong
from sfu.app.doctor.machine import check_machine
from sfu.app.doctor.names import check_names
from sfu.app.doctor.network import check_addresses, seen_by
from sfu.app.doctor.ports import check_ports
from sfu.app.sockets import all_addresses, listen_hosts
from sfu.config import Settings
from sfu.config.check import notes
from sfu.errors import UseError
from sfu.shell.data import chosen_directory

MARKS = {Level.OK: "  ok  ", Level.NOTE: " note ", Level.WRONG: "WRONG "}
PAGE_S = 45.0


def examine(
    settings: Settings, environ: Mapping[str, str], *, stun: str = "", loops: bool = True
) -> Iterator[Finding]:
    """Look at everything; `stun` names a server that says how the Internet sees us."""
    for one in notes(settings):
        yield note("settings", Words(one, one))
    reasons = _ready(settings.http.local_port)
    yield from _server(reasons, settings)
    yield from check_ports(settings, running=reasons is not None)
    own = all_addresses()
    seen = ""
    if stun:
        try:
            seen = seen_by(stun)
        except UseError as error:
            yield note("nat", Words(str(error), str(error)))
    yield from check_addresses(settings, own, seen)
    chain, key = certificate_files(settings, environ)
    if chain.exists() or settings.tls.certificate:
        yield from check_certificate(chain, key)
    yield from check_names(settings, chain, own)
    yield from check_machine(settings, environ)
    if loops and reasons == []:
        yield from _loops(settings)


def certificate_files(settings: Settings, environ: Mapping[str, str]) -> tuple[Path, Path]:
    """Give the files of the certificate: the configured ones, or those made at first start."""
    if settings.tls.certificate:
        return Path(settings.tls.certificate), Path(settings.tls.private_key)
    made = chosen_directory(settings.data, environ) / "tls"
    return made / "certificate.pem", made / "private-key.pem"


def _ready(port: int) -> list[str] | None:
    """Ask the server of this machine why it takes no calls; None where none answers."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return list(json.loads(answer.read())["reasons"])
    except urllib.error.HTTPError as error:
        try:
            return list(json.loads(error.read())["reasons"])
        except (ValueError, KeyError, TypeError):
            return None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _server(reasons: list[str] | None, settings: Settings) -> Iterator[Finding]:
    if reasons is None:
        port = settings.http.local_port
        yield note(
            "server",
            Words(f"aucun serveur ne répond sur {port}", f"no server answers on {port}"),
            Words("systemctl start sfu, ou scripts/run", "systemctl start sfu, or scripts/run"),
        )
    elif reasons:
        why = ", ".join(reasons)
        yield wrong(
            "server",
            Words(f"le serveur ne prend pas d'appels : {why}", f"the server takes no calls: {why}"),
            Words(
                "Lisez le journal : journalctl -u sfu -n 50.",
                "Read the log: journalctl -u sfu -n 50.",
            ),
        )
    else:
        yield fine("server", "le serveur prend des appels", "the server takes calls")


def _loops(settings: Settings) -> Iterator[Finding]:
    room = settings.rooms.echo_test
    if not room:
        yield note(
            "loop sip",
            Words(
                "pas de test d'écho réglé : appel non essayé", "no echo test is set: no call tried"
            ),
        )
        return
    first = listen_hosts(settings.network.listen)[0]
    host = "127.0.0.1" if first == "0.0.0.0" else first
    yield loop.judge(asyncio.run(loop.call(host, settings.sip.udp_port, room)), settings)
    yield _page(settings.http.local_port, room)


def _page(port: int, room: str) -> Finding:
    """Have a simulated browser see and hear itself; in a process of its own, as it decodes."""
    if not (find_spec("aiortc") and find_spec("av")):
        return note(
            "loop webrtc",
            Words("aiortc manque : page non essayée", "aiortc is missing: no page tried"),
            Words("pip install '.[probe]'", "pip install '.[probe]'"),
        )
    words = [sys.executable, "-m", "sfu.probe", "--once", f"ws://127.0.0.1:{port}/ws", room]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=PAGE_S)
        why = (done.stdout or done.stderr).strip().splitlines()[-1:]
    except subprocess.TimeoutExpired:
        done, why = None, ["timeout"]
    if done is not None and done.returncode == 0:
        return fine(
            "loop webrtc", "un navigateur se voit et s'entend", "a browser sees and hears itself"
        )
    said = why[0] if why else "?"
    return wrong(
        "loop webrtc",
        Words(f"le navigateur d'essai : {said}", f"the browser on trial: {said}"),
        Words(
            "Le pare-feu de cette machine laisse-t-il passer l'UDP de [webrtc] udp_port ?",
            "Does this machine's firewall let the UDP of [webrtc] udp_port through?",
        ),
    )


def table(findings: list[Finding], language: str) -> str:
    """Lay findings out for a terminal."""
    lines = []
    for one in findings:
        lines.append(f"{MARKS[one.level]} {one.said.of(language)}")
        if one.fix is not None:
            lines.append(f"       -> {one.fix.of(language)}")
    bad = sum(one.level is Level.WRONG for one in findings)
    end = Words(
        f"{bad} chose(s) à corriger" if bad else "rien à corriger",
        f"{bad} thing(s) to mend" if bad else "nothing to mend",
    )
    return "\n".join([*lines, "", end.of(language)])


def view(findings: list[Finding], language: str) -> dict[str, object]:
    """Give findings for a program."""
    return {
        "ok": all(one.level is not Level.WRONG for one in findings),
        "findings": [
            {
                "check": one.check, "level": one.level.value, "said": one.said.of(language),
                "fix": one.fix.of(language) if one.fix else "",
            }
            for one in findings
        ],
    }  # fmt: skip
