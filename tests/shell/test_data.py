import stat
from pathlib import Path

import pytest

from sfu.errors import UseError
from sfu.shell.data import DataDirectory, default_directory


@pytest.mark.parametrize(
    ("environ", "path"),
    [
        ({"XDG_DATA_HOME": "/x", "HOME": "/h"}, "/x/sfu"),
        ({"XDG_DATA_HOME": "relative", "HOME": "/h"}, "/h/.local/share/sfu"),
        ({"HOME": "/h"}, "/h/.local/share/sfu"),
        ({}, "/var/lib/sfu"),
    ],
)
def test_the_default_is_that_of_xdg(environ, path):
    assert default_directory(environ) == Path(path)


def test_it_is_made_for_its_owner_only(tmp_path):
    data = DataDirectory.open("", {"XDG_DATA_HOME": str(tmp_path)})
    assert stat.S_IMODE((tmp_path / "sfu").stat().st_mode) == 0o700
    assert data.store_url("") == f"sqlite+aiosqlite:///{tmp_path}/sfu/calls.sqlite3"
    assert data.store_url("postgresql+asyncpg://db/sfu") == "postgresql+asyncpg://db/sfu"
    data.close()


def test_two_servers_do_not_share_one(tmp_path):
    first = DataDirectory(tmp_path)
    with pytest.raises(UseError, match="in use by another server"):
        DataDirectory(tmp_path)
    first.close()
    DataDirectory(tmp_path).close()


def test_a_file_in_its_place_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UseError, match=r"^data directory .*/file cannot be used: File exists$"):
        DataDirectory(tmp_path / "file")
