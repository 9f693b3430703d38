"""Read the TOML file and the environment, and say in one line what is wrong with them.

`SFU_HTTP__TLS_PORT=9443` sets `tls_port` of `[http]`; the environment goes before the file.  A
list is written as in TOML: `SFU_NETWORK__PUBLIC_ADDRESSES='["192.0.2.1"]'`.  Secrets are never
repeated in a message.
"""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from sfu.config.check import check
from sfu.config.settings import Settings
from sfu.config.words import why
from sfu.errors import UseError

PREFIX = "SFU_"
FILE_BYTES = 4 * 1024 * 1024
"""No configuration is larger; a device or a wrong file stops here."""

_ADAPTER = TypeAdapter(Settings)


def load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Give the settings of a file (None: none) and an environment; raise UseError of one line."""
    table = _read(path) if path else {}
    origin = str(path) if path else "settings"
    names = _overlay(table, environ)
    return validate(table, origin, names)


def validate(
    table: Mapping[str, Any], origin: str, names: Mapping[str, str] | None = None
) -> Settings:
    """Make settings of a table as TOML has it; raise UseError of one line.

    `names` are the variables that dotted keys came from.
    """
    names = names or {}
    try:
        # by way of JSON: arrays become tuples, text becomes addresses, and nothing else bends
        settings = _ADAPTER.validate_json(json.dumps(table, default=str), strict=True)
    except ValidationError as error:
        detail = error.errors(include_url=False, include_input=False)[0]
        raise UseError(_line(detail, origin, names)) from None
    fault = check(settings)
    if fault:
        raise UseError(f"{names.get(fault.key, origin)}: {fault.key}: {fault.why}")
    return settings


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as stream:
            raw = stream.read(FILE_BYTES + 1)
    except OSError as error:
        raise UseError(f"{path}: {error.strerror or error}") from None
    if len(raw) > FILE_BYTES:
        raise UseError(f"{path}: larger than {FILE_BYTES} bytes")
    try:
        return tomllib.loads(raw.decode())
    except UnicodeDecodeError as error:
        raise UseError(f"{path}: not UTF-8 at byte {error.start}") from None
    except tomllib.TOMLDecodeError as error:
        raise UseError(f"{path}: {error}".replace("\n", " ")) from None


def _overlay(table: dict[str, Any], environ: Mapping[str, str]) -> dict[str, str]:
    """Lay the environment over the table; give the variable each dotted key came from."""
    names = {}
    for name, text in sorted(environ.items()):
        if not name.startswith(PREFIX):
            continue
        keys = name.removeprefix(PREFIX).lower().split("__")
        place = table
        for key in keys[:-1]:
            place = place.setdefault(key, {})
            if not isinstance(place, dict):
                raise UseError(f"{name}: {key}: tables that repeat stand in the file only")
        place[keys[-1]] = _value(name, text)
        names[".".join(keys)] = name
    return names


def _value(name: str, text: str) -> Any:
    """Read a number, a truth or a list as TOML does; what is none of these is text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        if text.lstrip().startswith("["):
            raise UseError(f"{name}: not a list as TOML writes it") from None
        return text


def _line(detail: ErrorDetails, origin: str, names: Mapping[str, str]) -> str:
    """Make one line of what pydantic found: where it stands, which key, why."""
    key = ""
    for part in detail["loc"]:
        if isinstance(part, int):
            key += f"[{part + 1}]"
        elif not _is_branch(part):
            key += f".{part}" if key else part
    source = next((names[known] for known in names if key.startswith(known)), origin)
    return f"{source}: {key}: {why(detail, Settings)}".replace("\n", " ")


def _is_branch(part: str) -> bool:
    """Tell pydantic's name of a tried type, in which no key is written, from a key."""
    return part != part.lower() or "[" in part
