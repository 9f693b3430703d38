"""The first administrator's password: shown on a terminal, else left in a file for its owner."""

import sys
from pathlib import Path
from typing import TextIO

import structlog

from sfu.shell.accounts import FIRST
from sfu.shell.people import first_password_file, write_secret

log = structlog.get_logger()


def tell_first(password: str | None, directory: Path, screen: TextIO | None = None) -> str:
    """Give the words for the terminal; where there is none, write the file and say where it is.

    A journal that catches our output must not hold a password.
    """
    if password is None:
        return ""
    if (screen or sys.stdout).isatty():
        return f"  Administrateur / administrator   {FIRST}  {password}\n"
    path = first_password_file(directory)
    write_secret(path, password)
    log.info("first_administrator", account=FIRST, file=str(path))
    return ""
