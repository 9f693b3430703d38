"""What a running server leaves: log lines, records, messages to other programs."""

from dataclasses import field
from enum import StrEnum
from typing import Annotated

from pydantic import StringConstraints

from sfu.config.section import section


class LogFormat(StrEnum):
    """How log lines look."""

    AUTO = "auto"
    """Console on a terminal, JSON elsewhere."""
    CONSOLE = "console"
    JSON = "json"


class LogLevel(StrEnum):
    """The least that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@section
class Log:
    """Log lines, on standard error."""

    format: LogFormat = LogFormat.AUTO
    level: LogLevel = LogLevel.INFO


@section
class Store:
    """Call records."""

    url: str = ""
    """SQLAlchemy URL; empty: SQLite in the data directory."""


EVENTS = ("meeting_started", "member_joined", "member_left", "meeting_ended")
"""What can be told: shell.news.NewsKind."""


@section
class Webhook:
    """A program that is told what happens."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,32}$")]
    """What log lines and metrics call it."""
    url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s]{1,2000}$")]
    secret: Annotated[str, StringConstraints(min_length=16, max_length=256)] = field(repr=False)
    """What messages are signed with: base64 after "whsec_", or letters."""
    events: tuple[Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,32}$")], ...] = ()
    """What it is told; empty: everything."""
