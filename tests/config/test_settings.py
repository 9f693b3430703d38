"""Settings answer the questions of the rest of the house, and stand in config/sfu.toml."""

import dataclasses
import re
import tomllib
from ipaddress import ip_network
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from sfu.config import (
    Account,
    DialOut,
    Endpoint,
    Framing,
    Limits,
    Line,
    Policy,
    Register,
    Room,
    Rooms,
    Settings,
    Site,
    load,
)

CONFIG = Path(__file__).parents[2] / "config"
REPEATED = {
    name: get_args(kind)[0]
    for name, kind in get_type_hints(Settings).items()
    if get_args(kind) and dataclasses.is_dataclass(get_args(kind)[0])
}


def plain(value):
    if dataclasses.is_dataclass(value):
        return {name: plain(item) for name, item in vars(value).items()}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return value if isinstance(value, int | float | str) else str(value)


def test_the_shown_file_holds_each_default_and_nothing_else():
    shown = tomllib.loads((CONFIG / "sfu.toml").read_text())
    defaults = {key: value for key, value in plain(Settings()).items() if key not in REPEATED}
    assert shown == defaults


def test_the_shown_examples_hold_each_key_and_load(tmp_path):
    text = re.sub(r"(?m)^#(?=\[\[|[a-z])", "", (CONFIG / "sfu.toml").read_text())
    shown = tomllib.loads(text)
    for name, kind in REPEATED.items():
        assert set(shown[name][0]) == {one.name for one in dataclasses.fields(kind)}, name
    (tmp_path / "sfu.toml").write_text(text)
    assert load(tmp_path / "sfu.toml", {}).room[0].name == "Conseil communautaire"


@pytest.mark.parametrize(
    ("name", "rooms", "lines"), [("haut-jura", 7, 7), ("haut-languedoc", 1, 1)]
)
def test_the_two_deployments_load(name, rooms, lines):
    found = load(CONFIG / f"{name}.toml", {})
    assert (len(found.room), len(found.line)) == (rooms, lines)
    assert {(line.framing, line.overhead) for line in found.line} == {(Framing.ATM, 40)}


@pytest.mark.parametrize(("name", "pairs"), [("haut-jura", 21), ("haut-languedoc", 7)])
def test_the_two_deployments_know_their_roads(name, pairs):
    found = load(CONFIG / f"{name}.toml", {})
    roads = {frozenset(one.between) for one in found.distance}
    seat = found.ledger.seat
    assert len(roads) == len(found.distance) == pairs
    assert all({seat, site.name} in roads for site in found.site if site.name != seat)


def test_a_room_belongs_to_its_owner_or_to_whom_its_site_belongs():
    settings = Settings(
        site=(Site(name="morez", organisation="Ville de Morez"),),
        room=(Room(number="1", site="morez"), Room(number="2", owner="Parc", site="morez")),
    )
    assert [settings.organisation_of(one) for one in ("1", "2", "4201", "9")] == [
        "Ville de Morez", "Parc", "", "",
    ]  # fmt: skip


def test_a_booked_room_calls_its_units_or_those_of_its_site():
    units = tuple(
        Endpoint(number=number, uri=f"sip:{number}@192.0.2.1", site=site)
        for number, site in (("7001", "morez"), ("7002", "morez"), ("7003", "lajoux"), ("7004", ""))
    )
    settings = Settings(endpoint=units)
    called = {
        room.number: [one.number for one in settings.units_of(room)]
        for room in (
            Room(number="1", site="morez"), Room(number="2"),
            Room(number="3", site="morez", units=("7003",)),
        )
    }  # fmt: skip
    assert called == {"1": ["7001", "7002"], "2": [], "3": ["7003"]}


def test_a_room_is_found_by_number_by_alias_or_by_range():
    named = Room(number="7", aliases=("Conseil",))
    settings = Settings(room=(named,))
    assert settings.find_room("7") is named
    assert settings.find_room("conseil") is named
    assert settings.find_room("4201") == Room(number="4201")
    assert Settings(rooms=Rooms(numbers=("12",))).find_room("12") == Room(number="12")
    for stranger in ("", "8", "3999", "5000", "04201", "42011", "4201 ", "٤٢٠١", "-4201"):
        assert settings.find_room(stranger) is None


def test_a_point_to_point_room_takes_two():
    settings = Settings(limits=Limits(max_members=9))
    assert settings.room_limit(Room(number="1")) == 9
    assert settings.room_limit(Room(number="1", max_members=4)) == 4
    assert settings.room_limit(Room(number="1", policy=Policy.POINT_TO_POINT)) == 2


def test_dial_out_needs_a_listed_account_or_network():
    settings = Settings(
        account=(Account(user="a", password="x"), Account(user="b", password="y")),
        dial_out=DialOut(networks=(ip_network("192.0.2.0/24"),), accounts=("a",)),
    )
    assert settings.may_dial_out("192.0.2.9", None)
    assert settings.may_dial_out("::ffff:192.0.2.9", None)
    assert settings.may_dial_out("198.51.100.1", "a")
    assert not settings.may_dial_out("198.51.100.1", "b")
    assert not settings.may_dial_out("198.51.100.1", None)
    assert not settings.may_dial_out("nonsense", None)
    assert Settings().may_dial_out("127.0.0.1", None)
    assert Settings().may_dial_out("::1", None)


def test_registering_needs_an_account_or_a_listed_network():
    settings = Settings(register=Register(networks=(ip_network("192.0.2.0/24"),)))
    assert settings.may_register("198.51.100.1", "a")
    assert settings.may_register("192.0.2.1", None)
    assert not settings.may_register("198.51.100.1", None)


def test_a_line_given_with_rates_only_counts_as_atm_with_40():
    line = Line(site="a", up_bps=2_000_000, down_bps=2_000_000)
    assert (line.framing, line.overhead) == (Framing.ATM, 40)
    efm = Line(site="a", up_bps=2_000_000, down_bps=2_000_000, framing=Framing.EFM)
    assert efm.overhead == 34
    bare = Line(site="a", up_bps=2_000_000, down_bps=2_000_000, overhead_bytes=0)
    assert bare.overhead == 0
