"""The machine: disk, database, clock, what the kernel grants, what is installed."""

import ctypes
import os
import resource
import shutil
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from sfu.app.doctor.finding import Finding, Words, fine, note, wrong
from sfu.app.sockets import MEDIA_BUFFER_BYTES
from sfu.config import Settings
from sfu.shell.data import chosen_directory, store_url
from sfu.shell.database import connect_plainly, sqlite_file, words

LEAST_FREE_BYTES = 1 << 30
LEAST_FILES = 4096
UNSYNCHRONISED = 5
"""TIME_ERROR of adjtimex(2)."""
RMEM = Path("/proc/sys/net/core/rmem_max")


def check_machine(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look at everything that is not the network."""
    directory = chosen_directory(settings.data, environ)
    yield check_disk(directory)
    yield check_database(store_url(directory, settings.store.url))
    yield check_clock()
    yield check_buffers(RMEM)
    yield check_files(resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    yield from check_libraries(settings)


def check_disk(directory: Path, least: int = LEAST_FREE_BYTES) -> Finding:
    """Look at what is left, and whether we may write."""
    there = next(
        one for one in (directory.absolute(), *directory.absolute().parents) if one.exists()
    )
    if not os.access(there, os.W_OK):
        return wrong(
            "disk",
            Words(f"{there} ne se laisse pas écrire", f"{there} cannot be written to"),
            Words(
                "Lancez cette commande sous le compte du service, ou rendez-lui ce répertoire "
                f"(chown -R sfu: {there}).",
                "Run this as the account of the service, or give it that directory "
                f"(chown -R sfu: {there}).",
            ),
        )
    free = shutil.disk_usage(there).free
    fr, en = f"{there} : {free >> 20} Mo libres", f"{there}: {free >> 20} MB free"
    if free < least:
        return wrong(
            "disk",
            Words(fr, en),
            Words(
                f"Libérez de la place : il faut {least >> 20} Mo au moins.",
                f"Make room: {least >> 20} MB at least are needed.",
            ),
        )
    return fine("disk", fr, en)


FILE_IS_BROKEN = Words(
    "Arrêtez le serveur et remettez la dernière sauvegarde : systemctl stop sfu ; "
    "sfu restore FICHIER.",
    "Stop the server and put the last backup back: `systemctl stop sfu; sfu restore FILE`.",
)
NOBODY_ANSWERS = Words(
    "Voyez si PostgreSQL marche (systemctl status postgresql) et si [store] url dit où et qui.",
    "See that PostgreSQL runs (systemctl status postgresql) and [store] url says where and who.",
)


def check_database(url: str) -> Finding:
    """Open it, and have SQLite look itself over."""
    file = sqlite_file(url)
    if file is not None and not file.exists():
        return fine("database", f"{file} sera créé au démarrage", f"{file} is made at the start")
    try:
        engine = connect_plainly(url)
        try:
            with engine.connect() as connection:
                asked = "pragma quick_check(1)" if file is not None else "select 'ok'"
                said = str(connection.execute(text(asked)).scalar())
        finally:
            engine.dispose()
    except (SQLAlchemyError, OSError, ImportError) as error:
        said = words(error)
    if said != "ok":
        return wrong(
            "database",
            Words(f"la base de données : {said}", f"the database: {said}"),
            FILE_IS_BROKEN if file is not None else NOBODY_ANSWERS,
        )
    return fine("database", "la base de données est saine", "the database is sound")


def check_clock(unsynchronised: bool | None = None) -> Finding:
    """Ask the kernel whether somebody keeps its clock; certificates and passwords hang on it."""
    if unsynchronised is None:
        # struct timex has 208 octets on 64 bits; modes = 0 only asks
        unsynchronised = (
            ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512)) == UNSYNCHRONISED
        )
    if unsynchronised:
        return note(
            "clock",
            Words("personne ne met l'horloge à l'heure", "nobody keeps the clock right"),
            Words(
                "Installez un client NTP : apt install chrony.",
                "Install an NTP client: apt install chrony.",
            ),
        )
    return fine("clock", "l'horloge est tenue à l'heure", "the clock is kept right")


def check_buffers(granted: Path) -> Finding:
    """Look at how much the kernel holds for us while we do something else."""
    try:
        most = int(granted.read_text())
    except (OSError, ValueError):
        return note("buffers", Words(f"{granted} : illisible", f"{granted}: unreadable"))
    fr, en = f"tampons de réception : {most >> 10} Ko", f"receive buffers: {most >> 10} KB"
    if most < MEDIA_BUFFER_BYTES:
        return note(
            "buffers",
            Words(fr, en),
            Words(
                f"sysctl -w net.core.rmem_max={MEDIA_BUFFER_BYTES}, et la même ligne dans "
                "/etc/sysctl.d/sfu.conf.",
                f"sysctl -w net.core.rmem_max={MEDIA_BUFFER_BYTES}, and the same line in "
                "/etc/sysctl.d/sfu.conf.",
            ),
        )
    return fine("buffers", fr, en)


def check_files(most: int) -> Finding:
    """Look at how many descriptors we may have: each call of a room codec holds four."""
    if 0 <= most < LEAST_FILES:
        return note(
            "files",
            Words(f"{most} descripteurs de fichiers au plus", f"{most} file descriptors at most"),
            Words(
                "LimitNOFILE=65536 dans l'unité systemd, ou ulimit -n 65536.",
                "LimitNOFILE=65536 in the systemd unit, or ulimit -n 65536.",
            ),
        )
    return fine("files", "assez de descripteurs de fichiers", "enough file descriptors")


def check_libraries(
    settings: Settings, *, mixer: bool | None = None, h323: bool | None = None
) -> Iterator[Finding]:
    """Look at what room codecs need."""
    if not (find_spec("av") if mixer is None else mixer):
        yield wrong(
            "mixer",
            Words(
                "PyAV manque : les salles n'entendent qu'une voix, et personne ne les accueille",
                "PyAV is missing: rooms hear one voice, and nobody welcomes them",
            ),
            Words("pip install '.[media]'", "pip install '.[media]'"),
        )
    else:
        yield fine("mixer", "le mélangeur de son est installé", "the sound mixer is installed")
    if settings.h323.enabled and not (find_spec("pycrate_asn1dir") if h323 is None else h323):
        yield note(
            "h323",
            Words("pycrate manque : pas d'H.323", "pycrate is missing: no H.323"),
            Words(
                "pip install '.[h323]', ou [h323] enabled = false.",
                "pip install '.[h323]', or [h323] enabled = false.",
            ),
        )
