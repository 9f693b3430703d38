"""Structured logs on standard error: lines for a terminal, JSON for a journal.

Room and member are bound once, by `structlog.contextvars.bound_contextvars(room=..., member=...)`,
and stand on every line said meanwhile.  Values under a name that tells of a secret are not shown.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

from sfu.config import Log, LogFormat

HIDDEN = "***"
SECRET_WORDS = ("password", "secret", "token", "pin", "authorization", "key", "credential")
"""A name with one of these among its words, split at _ and -, is not shown."""


def configure_logging(settings: Log, stream: TextIO = sys.stderr) -> None:
    """Set up structlog, and let the logging of libraries go the same way."""
    level = logging.getLevelNamesMapping()[settings.level.value.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        hide_secrets,
    ]
    console = settings.format is LogFormat.CONSOLE or (
        settings.format is LogFormat.AUTO and stream.isatty()
    )
    last: structlog.typing.Processor
    if console:
        last = structlog.dev.ConsoleRenderer(colors=stream.isatty())
    else:
        shared.append(structlog.processors.format_exc_info)
        last = structlog.processors.JSONRenderer(ensure_ascii=False)
    structlog.configure(
        processors=[*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(level, logging.WARNING))  # libraries speak up when something is wrong
    # it writes down what it meets in a PDU: numbers of thousands of digits, as strangers please
    logging.getLogger("pycrate.asn1rt").disabled = True


def hide_secrets(
    _logger: Any, _method: str, line: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Put `HIDDEN` in place of values whose name tells of a secret, nested ones too."""
    return {name: _shown(name, value) for name, value in line.items()}


def _shown(name: str, value: Any) -> Any:
    if _is_secret(name):
        return HIDDEN
    if isinstance(value, dict):
        return {str(inner): _shown(str(inner), item) for inner, item in value.items()}
    return value


def _is_secret(name: str) -> bool:
    words = name.lower().replace("-", "_").split("_")
    return any(word.rstrip("s") in SECRET_WORDS for word in words)
