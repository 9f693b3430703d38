"""What people change by the console, laid over the settings of the file."""

from ipaddress import ip_network

import pytest

from sfu.config import Line, Room, Settings, Site
from sfu.config.load import validate
from sfu.config.overlay import HouseKind, as_tables, bearable, check_key, overlay, tables
from sfu.errors import UseError

ROOM, SITE, LINE = HouseKind.ROOM, HouseKind.SITE, HouseKind.LINE
BASE = Settings(
    room=(Room(number="4201", name="Conseil", pin="4711"),),
    site=(Site(name="morez", networks=(ip_network("192.0.2.0/24"),)),),
    line=(
        Line(site="morez", up_bps=800_000, down_bps=2_000_000),
        Line(site="morez", up_bps=900_000, down_bps=4_000_000),
    ),
)


def test_settings_written_as_tables_are_read_as_the_same():
    assert validate(as_tables(BASE), "x") == BASE
    assert validate(as_tables(Settings()), "x") == Settings()


def test_a_change_takes_the_place_of_the_files_and_a_new_one_stands_behind():
    made = overlay(
        BASE, {(ROOM, "4201"): {"name": "Bureau"}, (ROOM, "4300"): {"name": "Annexe"}}
    )  # fmt: skip
    assert [(one.number, one.name, one.pin) for one in made.room] == [
        ("4201", "Bureau", ""), ("4300", "Annexe", ""),
    ]  # fmt: skip
    assert made.line == BASE.line


def test_what_is_dropped_is_there_no_more():
    assert overlay(BASE, {(ROOM, "4201"): None, (ROOM, "4999"): None}).room == ()


def test_lines_are_known_by_what_they_are_called():
    assert list(tables(BASE, LINE)) == ["morez", "morez-2"]
    values = {**tables(BASE, LINE)["morez-2"], "down_bps": 1_000_000}
    made = overlay(BASE, {(LINE, "morez-2"): values})
    assert [one.down_bps for one in made.line] == [2_000_000, 1_000_000]
    assert made.line_names() == ["morez", "morez-2"]


@pytest.mark.parametrize(
    ("kind", "key", "values", "why"),
    [
        (ROOM, "42a", {}, "room[2].number"),
        (ROOM, "4300", {"colour": "red"}, "room[2].colour: unknown key"),
        (ROOM, "4300", {"pin": "12"}, "room[2].pin"),
        (ROOM, "4300", {"site": "lyon"}, "no [[site]] has the name lyon"),
        (LINE, "x", {"site": "morez", "up_bps": 1, "down_bps": 2_000_000}, "line[3].up_bps"),
        (LINE, "x", {"site": "morez"}, "is missing"),
        (SITE, "morez", None, "no [[site]] has the name morez"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(kind, key, values, why):
    changes = {(kind, key): values, (SITE, "other"): {}}
    with pytest.raises(UseError) as caught:
        overlay(BASE, changes)
    assert why in str(caught.value)
    assert str(caught.value).startswith("console: ")


def test_what_no_longer_fits_the_file_is_left_out_and_the_rest_holds():
    changes = {(ROOM, "4300"): {"site": "lyon"}, (ROOM, "4301"): {"name": "Annexe"}}
    made, faults = bearable(BASE, changes)
    assert [one.number for one in made.room] == ["4201", "4301"]
    assert len(faults) == 1
    assert "lyon" in faults[ROOM, "4300"]


@pytest.mark.parametrize("key", ["", "x" * 65, "a\nb", "a\0"])
def test_a_key_can_be_written_and_shown(key):
    with pytest.raises(UseError):
        check_key(key)
    assert check_key("Saint-Pons de Thomières")
