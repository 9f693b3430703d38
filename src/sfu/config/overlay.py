"""What people of the house changed of rooms, units, sites and lines, laid over the settings.

::

    file and environment --> Settings --\
                                         +--> merged --> shape, ranges, references --> Settings
    changes by kind and key ------------/     None: it is no longer there

A change is a whole table as the file would have it; it takes the place of the file's of that key,
or stands behind them.  What is wrong with it is said as of the file, in one line.
"""

import json
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from sfu.config.load import validate
from sfu.config.settings import Settings
from sfu.errors import UseError

Values = Mapping[str, Any]
"""A table as TOML has it."""
LONGEST_KEY = 64


class HouseKind(StrEnum):
    """Which tables can be changed while the server runs: the names of the file."""

    ROOM = "room"
    UNIT = "endpoint"
    SITE = "site"
    LINE = "line"

    @property
    def key(self) -> str:
        """The key by which one of them is known."""
        return {"room": "number", "endpoint": "number"}.get(self.value, "name")


Changes = Mapping[tuple[HouseKind, str], Values | None]
"""What shall be; None: no more."""
SECRETS = {HouseKind.ROOM: ("pin", "moderator_pin")}


def tables(
    settings: Settings, kind: HouseKind, whole: Mapping[str, Any] | None = None
) -> dict[str, dict[str, Any]]:
    """Give the tables of a kind by key, as TOML would have them, in their order.

    `whole`: the same settings `as_tables`, where that was made already.
    """
    whole = whole or as_tables(settings)
    keys = settings.line_names() if kind is HouseKind.LINE else []
    found = {}
    for index, one in enumerate(whole[kind.value]):
        key = keys[index] if keys else one[kind.key]
        found[key] = {**one, kind.key: key}
    return found


def overlay(settings: Settings, changes: Changes) -> Settings:
    """Lay changes over settings; UseError of one line where they cannot be together."""
    if not changes:
        return settings
    whole = as_tables(settings)
    for kind in {of for of, _ in changes}:
        known = tables(settings, kind, whole)
        for (of, key), values in changes.items():
            if of is kind and values is None:
                known.pop(key, None)
            elif of is kind and values is not None:
                known[key] = {**values, kind.key: key}
        whole[kind.value] = list(known.values())
    return validate(whole, "console")


def bearable(
    settings: Settings, changes: Changes
) -> tuple[Settings, dict[tuple[HouseKind, str], str]]:
    """Lay over what can be, one by one, and say what could not: the file may be another now."""
    try:
        return overlay(settings, changes), {}
    except UseError:
        kept: dict[tuple[HouseKind, str], Values | None] = {}
        faults = {}
        for key, values in changes.items():
            try:
                overlay(settings, {**kept, key: values})
                kept[key] = values
            except UseError as error:
                faults[key] = str(error)
        return overlay(settings, kept), faults


def check_key(key: str) -> str:
    """Let a key pass that can be written and shown; UseError for any other."""
    if not key.isprintable() or not 0 < len(key) <= LONGEST_KEY:
        raise UseError("console: a name of 1 to 64 letters is needed")
    return key


def as_tables(settings: Settings) -> dict[str, Any]:
    """Write settings as TOML would have them, without what has its default: null."""
    made = json.loads(json.dumps(_plain(settings)))
    assert isinstance(made, dict)
    return made


def _plain(value: Any) -> Any:
    """Make dictionaries, lists and text of what settings are made of."""
    fields = getattr(value, "__dataclass_fields__", None)
    if fields is not None:
        return {name: _plain(one) for name, one in _items(value, fields)}
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)  # networks and addresses


def _items(value: Any, fields: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name in fields:
        one = getattr(value, name)
        if one is not None:
            yield name, one
