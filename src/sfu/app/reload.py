"""Settings that are read again: what changed, what of it counts at once, what at the next start.

::

    file, environment --load--> fresh --compare--> counts at once: handed to who goes by it
                                           `-----> at the next start: kept as it was, and told
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from sfu.config import Settings
from sfu.config.load import validate
from sfu.config.overlay import as_tables

LIVE = frozenset(
    {
        "timezone", "tls.certificate", "tls.private_key",
        "sip.messages_per_s", "sip.calls_per_min", "sip.wrong_passwords_per_min",
        "sip.strangers_per_s",
        "rooms", "register", "dial_out", "media.forwarded_sounds", "marks",
        "limits.max_members", "limits.max_calls", "log", "oidc", "retention", "ledger", "bookings",
        "room", "account", "endpoint", "webhook", "site", "line", "distance",
    }
)  # fmt: skip
"""Sections and keys that count as soon as they are read again; docs/operating.md has them too."""
OF_CERTIFICATE = frozenset({"tls.certificate", "tls.private_key"})


@dataclass(frozen=True, slots=True)
class Changes:
    """What is other than before, as "section.key" or the name of a table that repeats."""

    live: tuple[str, ...]
    restart: tuple[str, ...]
    """What counts at the next start only."""


def is_live(key: str) -> bool:
    """Tell whether a setting counts as soon as it is read again."""
    return key in LIVE or key.partition(".")[0] in LIVE


def counts_at_once(key: str, fresh: Settings) -> bool:
    """Tell whether it does so now: a certificate taken out is served until the next start."""
    return is_live(key) and (key not in OF_CERTIFICATE or bool(fresh.tls.certificate))


def keys(settings: Settings) -> Iterator[tuple[str, Any]]:
    """Give all settings: tables that repeat whole, others key by key."""
    for one in fields(settings):
        value = getattr(settings, one.name)
        if is_dataclass(value):
            yield from (
                (f"{one.name}.{key.name}", getattr(value, key.name)) for key in fields(value)
            )
        else:
            yield one.name, value


def compare(ours: Settings, fresh: Settings) -> Changes:
    """Say what changed."""
    before = dict(keys(ours))
    other = [key for key, value in keys(fresh) if before[key] != value]
    return Changes(
        tuple(key for key in other if counts_at_once(key, fresh)),
        tuple(key for key in other if not counts_at_once(key, fresh)),
    )


def effective(ours: Settings, fresh: Settings) -> Settings:
    """Give the settings that count now: fresh where they may be, as before elsewhere.

    UseError where the two cannot be together: that takes a restart.
    """
    made: dict[str, Any] = {}
    for one in fields(ours):
        old, new = getattr(ours, one.name), getattr(fresh, one.name)
        if is_live(one.name):
            made[one.name] = new
        elif is_dataclass(old):
            names = (key.name for key in fields(old))
            live = [name for name in names if counts_at_once(f"{one.name}.{name}", fresh)]
            made[one.name] = replace(old, **{key: getattr(new, key) for key in live})  # type: ignore[type-var]
    return validate(as_tables(replace(ours, **made)), "what counts at once")
