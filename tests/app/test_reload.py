"""What counts as soon as settings are read again, and what does not."""

from dataclasses import replace

import pytest

from sfu.app.reload import LIVE, compare, effective, is_live, keys
from sfu.config import Account, Http, Limits, Room, Rooms, Settings, Site, Tls
from sfu.config import Line as LineSetting
from sfu.config.elsewhere import Trunk
from sfu.errors import UseError

OURS = Settings()


def test_nothing_changed():
    changes = compare(OURS, Settings())
    assert (changes.live, changes.restart) == ((), ())


def test_rooms_count_at_once_and_ports_at_the_next_start():
    fresh = replace(OURS, room=(Room(number="4201"),), http=Http(tls_port=9443))
    changes = compare(OURS, fresh)
    assert changes.live == ("room",)
    assert changes.restart == ("http.tls_port",)
    counts = effective(OURS, fresh)
    assert counts.room == fresh.room
    assert counts.http == OURS.http


def test_what_waits_for_the_next_start_is_told_each_time():
    fresh = replace(OURS, http=Http(tls_port=9443))
    assert compare(effective(OURS, fresh), fresh).restart == ("http.tls_port",)


def test_a_section_of_both_kinds_is_taken_apart():
    fresh = replace(OURS, limits=Limits(max_members=7, vanish_s=99.0))
    counts = effective(OURS, fresh)
    assert (counts.limits.max_members, counts.limits.vanish_s) == (7, OURS.limits.vanish_s)


def test_all_that_people_edit_counts():
    fresh = replace(
        OURS,
        site=(Site(name="a"),),
        line=(LineSetting(site="a", up_bps=2_000_000, down_bps=2_000_000),),
        account=(Account(user="a", password="b"),),
        rooms=Rooms(numbers=()),
    )
    changes = compare(OURS, fresh)
    assert set(changes.live) == {"site", "line", "account", "rooms.numbers"}
    assert changes.restart == ()


def test_a_certificate_that_is_taken_out_is_served_until_the_next_start():
    ours = replace(OURS, tls=Tls(certificate="chain.pem", private_key="key.pem"))
    other = replace(OURS, tls=Tls(certificate="new.pem", private_key="key.pem"))
    assert compare(ours, other).live == ("tls.certificate",)
    assert set(compare(ours, OURS).restart) == {"tls.certificate", "tls.private_key"}
    assert effective(ours, OURS).tls == ours.tls


def test_what_counts_and_what_waits_have_to_bear_each_other():
    trunk = Trunk(name="pbx", registrar="pbx.example", user="mairie", room="4300", register=False)
    ours = replace(OURS, trunk=(trunk,), room=(Room(number="4300"),))
    fresh = replace(OURS, room=(Room(number="4301"),), rooms=Rooms(numbers=()))
    with pytest.raises(UseError, match="4300"):
        effective(ours, fresh)


def test_every_word_of_the_list_is_a_setting():
    known = {key for key, _ in keys(OURS)} | {key.partition(".")[0] for key, _ in keys(OURS)}
    assert known >= LIVE
    assert not is_live("network.listen")
