"""A PostgreSQL of one's own, from Debian's package: on a socket in a directory, gone afterwards."""

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from sfu.shell.database import connect_plainly, migrate


class Postgres:
    """A cluster; it refuses to run as root, so root runs it as the package's user."""

    def __init__(self) -> None:
        programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        assert programs, "install Debian's package postgresql"
        self._programs = programs[-1]
        self.home = Path(tempfile.mkdtemp(prefix="sfu-pg-", dir="/tmp"))
        self._as: list[str] = []
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.home, user.pw_uid, user.pw_gid)
            ids = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}"]
            self._as = ["setpriv", *ids, "--clear-groups"]
        self._names = map("sfu{}".format, itertools.count())
        self._model = ""

    def start(self) -> None:
        """Make the cluster and start it."""
        words = ["-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-sync"]
        self._run("initdb", *words, "-D", str(self.home / "data"))
        self.resume()

    def resume(self) -> None:
        """Start it, again."""
        options = f"-c listen_addresses='' -c fsync=off -k {self.home}"
        log = str(self.home / "log")
        data = str(self.home / "data")
        self._run("pg_ctl", "-D", data, "-w", "-l", log, "-o", options, "start")

    def pause(self, how: str = "fast") -> None:
        """Stop it, and cut every connection."""
        self._run("pg_ctl", "-D", str(self.home / "data"), "-m", how, "-w", "stop")

    def stop(self) -> None:
        """Stop it and leave nothing behind."""
        try:
            self.pause("immediate")  # what is thrown away need not be written first
        finally:
            shutil.rmtree(self.home, ignore_errors=True)

    def new(self) -> str:
        """Make an empty database; return its URL as an operator writes it."""
        return self._copied("template0")

    def laid(self) -> str:
        """Make a database with all tables and nothing in them: migrated once, copied for each."""
        if not self._model:
            url = self.new()
            engine = connect_plainly(url)
            with engine.begin() as connection:
                migrate(connection)
            engine.dispose()
            self._model = str(engine.url.database)
        return self._copied(self._model)

    def _copied(self, model: str) -> str:
        name = next(self._names)
        self._ask(f"CREATE DATABASE {name} TEMPLATE {model}")
        return f"postgresql://postgres@/{name}?host={self.home}"

    def drop(self, url: str) -> None:
        """Drop a database, whoever is connected: each takes 7 MB of the disk."""
        self._ask(f"DROP DATABASE {make_url(url).database} WITH (FORCE)")

    def _ask(self, statement: str) -> None:
        place = f"host={self.home} user=postgres dbname=postgres"
        with psycopg.connect(place, autocommit=True) as connection:
            connection.execute(statement.encode())

    def _run(self, program: str, *words: str) -> None:
        command = [*self._as, str(self._programs / program), *words]
        # its output must not be a pipe: the server would hold it open
        with open(self.home / "said", "wb") as said:
            done = subprocess.run(command, stdout=said, stderr=said, cwd="/", timeout=60)
        assert done.returncode == 0, (self.home / "said").read_text()
