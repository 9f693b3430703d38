import contextlib
import io
import json
import logging

import pytest
import structlog

from sfu.config import Log, LogFormat, LogLevel
from sfu.errors import PeerError
from sfu.shell.log import configure_logging
from sfu.signalling.h323 import per


@pytest.fixture
def lines():
    stream = io.StringIO()
    root = logging.getLogger()
    kept = root.handlers[:], root.level
    configure_logging(Log(format=LogFormat.JSON), stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:], root.level = kept
    structlog.reset_defaults()


def test_room_and_member_stand_on_every_line_said_meanwhile(lines):
    log = structlog.get_logger()
    with structlog.contextvars.bound_contextvars(room="4201", member="m7"):
        log.info("joined", codec="h264")
    log.info("idle")
    first, second = lines()
    assert (first["event"], first["room"], first["member"]) == ("joined", "4201", "m7")
    assert first["level"] == "info"
    assert first["timestamp"].endswith("Z")
    assert "room" not in second


def test_secrets_are_not_shown_however_deep(lines):
    structlog.get_logger().info(
        "asked",
        password="a1",
        room_pin="a2",
        api_token="a3",
        headers={"Authorization": "a4", "To": "x"},
        keyframe="b1",
        speaking="b2",
    )
    (line,) = lines()
    text = json.dumps(line)
    assert not any(secret in text for secret in ("a1", "a2", "a3", "a4"))
    assert (line["keyframe"], line["speaking"], line["headers"]["To"]) == ("b1", "b2", "x")


def test_libraries_speak_the_same_way_when_something_is_wrong(lines):
    logging.getLogger("uvicorn.error").info("quiet")
    logging.getLogger("uvicorn.error").warning("loud %s", 1)
    assert [line["event"] for line in lines()] == ["loud 1"]


def test_a_fault_keeps_its_trace(lines):
    try:
        raise ValueError("broken")
    except ValueError:
        structlog.get_logger().exception("task died")
    assert "ValueError: broken" in lines()[0]["exception"]


def test_what_is_below_the_level_is_not_said(lines):
    stream = io.StringIO()
    configure_logging(Log(format=LogFormat.CONSOLE, level=LogLevel.WARNING), stream)
    structlog.get_logger().info("quiet")
    structlog.get_logger().warning("loud", room="4201")
    assert "quiet" not in stream.getvalue()
    assert "room=4201" in stream.getvalue()


def test_a_hostile_pdu_of_h323_writes_nothing(lines):
    per.load()
    for first in range(256):
        with contextlib.suppress(PeerError):
            per.decode(per.Pdu.H225, bytes([first, 0xFF, 0xFE, 0x10, 0x55]) + b"\x7f" * 40)
    assert lines() == []
