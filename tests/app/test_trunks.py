"""From configuration to the SIP core, and back to those who look."""

import pytest
from structlog.testing import capture_logs

from sfu.app.trunks import choose, figures, tell, trunk_settings, views
from sfu.config.elsewhere import Transport, Trunk
from sfu.config.settings import Settings
from sfu.errors import UseError
from sfu.model import Address
from sfu.signalling.sip.flow import Carrier, Hop, Place
from sfu.signalling.sip.trunk import TrunkChanged, TrunkReading

PLACE = Place(Carrier.TCP, Address("192.0.2.71", 5060))


def trunk(name="pbx", **more):
    return Trunk(**{"name": name, "registrar": "p.example", "user": "v", "password": "x"} | more)


def reading(name="pbx", registered=True, reason=""):
    return TrunkReading(name, registered, 200, reason, 9.6, 1, "udp 192.0.2.71:5060", "192.0.2.71")


def test_configuration_becomes_hops_and_a_secret():
    (made,) = trunk_settings(
        Settings(
            trunk=(
                trunk(
                    registrar="[2001:db8::1]:5070",
                    outbound_proxy="proxy.example",
                    transport=Transport.TCP,
                    auth_user="other",
                    numbers=("+33384",),
                ),
            )
        )
    )
    assert made.registrar == Hop("2001:db8::1", 5070, Carrier.TCP, verify=True)
    assert made.hop == Hop("proxy.example", None, Carrier.TCP, verify=True)
    assert (made.secret.user, made.secret.password) == ("other", "x")
    assert made.numbers == {"33384"}
    assert "'x'" not in repr(made)


def test_the_name_servers_choose_the_carrier_unless_told():
    (made,) = trunk_settings(Settings(trunk=(trunk(),)))
    assert made.hop == Hop("p.example", None, None, verify=True)
    assert made.secret.user == "v"


def test_any_certificate_is_taken_only_where_it_is_said_so():
    (made,) = trunk_settings(Settings(trunk=(trunk(verify=False, register=False),)))
    assert not made.registrar.verify
    assert not made.registers


@pytest.mark.parametrize(
    ("beginnings", "number", "may"),
    [
        ((), "0384", False),
        (("03",), "0384", True),
        (("03",), "+3384", False),
        (("+33",), "+3384", True),
        (("",), "0384", True),
        (("",), "lajoux", False),
        (("",), "03@x", False),
        (("",), "٣", False),
    ],
)
def test_a_number_goes_out_only_where_configuration_lets_it(beginnings, number, may):
    settings = Settings(trunk=(trunk(dial=beginnings),))
    assert (choose(settings, number, [reading()]) is not None) is may


def test_the_first_registered_one_takes_it():
    settings = Settings(trunk=(trunk("a", dial=("0",)), trunk("b", dial=("0",))))
    way = choose(settings, "03", [reading("a", False, "no answer"), reading("b")])
    assert way is not None
    assert (way.trunk, way.uri, way.host) == ("b", "03", "192.0.2.71")
    with pytest.raises(UseError, match="a: no answer, b: asleep"):
        choose(settings, "03", [reading("a", False, "no answer"), reading("b", False, "asleep")])


@pytest.mark.parametrize(
    ("fact", "event", "level"),
    [
        (TrunkChanged("pbx", True, 200, "OK", PLACE, 90, 0), "trunk_registered", "info"),
        (TrunkChanged("pbx", False, 408, "no answer", PLACE, 0, 0), "trunk_lost", "warning"),
        (TrunkChanged("pbx", False, 401, "no", None, 0, 200), "trunk_failed", "warning"),
        (TrunkChanged("pbx", True, 500, "no", PLACE, 50, 20), "trunk_failed", "warning"),
    ],
)
def test_each_change_is_a_line(fact, event, level):
    with capture_logs() as lines:
        tell(fact)
    assert [(line["event"], line["log_level"], line["trunk"]) for line in lines] == [
        (event, level, "pbx")
    ]


def test_who_looks_sees_the_same():
    (view,), (row,) = views([reading()]), figures([reading()])
    assert (view.trunk, view.registered, view.expires_in_s, view.failures) == ("pbx", True, 10, 1)
    assert (row.name, row.registered, row.expires_in_s, row.failures) == ("pbx", True, 9.6, 1)
