"""config/fail2ban reads what the server logs, in both forms, and nothing a stranger put there."""

import configparser
import io
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import structlog

from sfu.config import Log, LogFormat
from sfu.shell.gate import Gate
from sfu.shell.log import configure_logging
from sfu.shell.webdoor import WebGate
from sfu.signalling.sip.blame import NOBODYS, SIP_REASONS, WEB_REASONS
from sfu.signalling.sip.limit import Rates

pytestmark = pytest.mark.machine

FILTER = Path(__file__).parents[2] / "config" / "fail2ban" / "sfu.conf"
SCANNERS = ["203.0.113.9", "2001:db8::9"]
NAMED = len([one for one in (*SIP_REASONS, *WEB_REASONS) if one not in NOBODYS])
HOST = r"(?P<host>[0-9a-f:.]+)"
SPOOF = [
    '"remote": "192.0.2.1", "reason": "messages", "count": 1, "event": "sip_abuse"',
    '{"remote": "192.0.2.1", "reason": "messages", "count": 1, "event": "sip_abuse"}',
    "x [warning  ] sip_abuse count=1 reason=messages remote=192.0.2.1",
    "x\n2026-01-01T00:00:00Z [warning  ] sip_abuse count=1 reason=slow remote=192.0.2.1",
]


@pytest.fixture(params=[LogFormat.JSON, LogFormat.CONSOLE])
def lines(request) -> str:
    """What a gate logs of two scanners, of everybody, and of callers with strange names."""
    before = structlog.get_config()
    stream = io.StringIO()
    configure_logging(Log(format=request.param), stream)
    try:
        for scanner in SCANNERS:
            for reason in SIP_REASONS:  # a gate each: so many lines at once are held back
                Gate(Rates(), lambda seen: False, lambda message: None).refuse(scanner, reason)
                gate = Gate(Rates(), lambda seen: False, lambda message: None)
                gate.refuse("192.0.2.1", reason, proven=False)  # a datagram anybody may have sent
            for reason in WEB_REASONS:
                WebGate().refuse(scanner, reason)
        for text in SPOOF:
            structlog.get_logger().warning("call_refused", caller=text, reason=text)
            structlog.get_logger().warning("sip_abuse_not", remote="192.0.2.1", reason="x", count=1)
    finally:
        structlog.configure(**before)
    return stream.getvalue()


def patterns() -> list[str]:
    parser = configparser.ConfigParser()
    parser.read(FILTER)
    return parser["Definition"]["failregex"].split("\n")


def test_each_refusal_that_names_an_address_is_found_and_nothing_else(lines):
    found = [
        match["host"]
        for line in lines.splitlines()
        for pattern in patterns()
        if (match := re.search(pattern.replace("<HOST>", HOST), line))
    ]
    assert sorted(found) == sorted(SCANNERS * NAMED)


@pytest.mark.skipif(not shutil.which("fail2ban-regex"), reason="fail2ban is not installed")
def test_fail2ban_itself_finds_them(lines, tmp_path):
    log = tmp_path / "log"
    log.write_text(lines)
    result = subprocess.run(
        ["fail2ban-regex", str(log), str(FILTER)], capture_output=True, text=True, timeout=60
    )
    matched = re.search(r"Lines: (\d+) lines, 0 ignored, (\d+) matched", result.stdout)
    assert matched, result.stdout
    assert int(matched[2]) == len(SCANNERS) * NAMED
