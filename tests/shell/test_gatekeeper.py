"""The gatekeeper on loopback: registering, being found by multicast, being kept off."""

import asyncio
import contextlib
import socket

import pytest

from sfu.errors import UseError
from sfu.model import Address
from sfu.shell.gate import Gate
from sfu.shell.gatekeeper import GatekeeperShell, Zone
from sfu.shell.rasdoor import DISCOVERY_GROUP, DISCOVERY_PORT
from sfu.signalling.h323 import ras
from sfu.signalling.h323.alias import Alias
from sfu.signalling.h323.rasread import read
from sfu.signalling.h323.raswrite import write
from sfu.signalling.h323.token import prove
from sfu.signalling.h323.zonefact import Enrolled, Left, Questions
from sfu.signalling.sip.blame import Reason
from sfu.signalling.sip.limit import Admission, Rates

pytestmark = pytest.mark.machine

HERE = "127.0.0.1"
MOREZ = (Alias("h323-ID", "morez"), Alias("dialledDigits", "7001"))
NOON = 1_800_000_000


class Side:
    """A gatekeeper, a unit's socket, and what the house was told."""

    def __init__(self, rates, *, listed=True, **zone):
        self.gate = Gate(rates, lambda glimpse: False, lambda message: None)
        house = Questions(
            account_of=lambda name: "lajoux" if name == "lajoux" else None,
            password_of={"lajoux": "secret"}.get,
            listed=lambda host: listed,
            may_try=self.gate.may_try,
            takes=lambda number: number == "4201",
            is_room=lambda number: number.startswith("4"),
            neighbour=lambda host: host == "203.0.113.7",
            may_ask=self.gate.may_ask,
            asked_wrong=self.gate.asked_wrong,
            has_place=lambda names: True,
            budget_bps=lambda host, account: None,
        )
        self.told = []
        self.left = asyncio.Event()
        self.shell = GatekeeperShell(
            Zone(**{"hosts": (HERE,), "port": 0, **zone}), self.gate, house, self._told,
            calendar=lambda: NOON,
        )  # fmt: skip
        self.unit = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.unit.bind((HERE, 0))
        self.unit.setblocking(False)
        self.us = Address(HERE, self.unit.getsockname()[1])

    def _told(self, fact):
        self.told.append(fact)
        if isinstance(fact, Left):
            self.left.set()

    async def ask(self, message, proofs=(), to=None):
        where = self.shell.addresses[0]
        self.unit.sendto(write(message, proofs), to or (where.host, where.port))
        loop = asyncio.get_running_loop()
        data = await asyncio.wait_for(loop.sock_recv(self.unit, 4096), 2)
        return read(data)[0]

    def rrq(self, number, aliases=MOREZ):
        signalling = (Address(HERE, 1720),)
        return ras.RegistrationRequest(number, signalling, (self.us,), aliases=aliases)


@contextlib.asynccontextmanager
async def side(rates=None, **more):
    one = Side(rates or Rates(), **more)
    await one.shell.start()
    try:
        yield one
    finally:
        one.shell.close()
        one.unit.close()


def test_a_unit_registers_is_known_to_the_gate_and_leaves():
    async def story():
        async with side() as one:
            known = await one.ask(one.rrq(1))
            assert known.signalling == (Address(HERE, 1720),)
            assert len(one.shell) == 1
            assert one.shell.prefix("7001") == Address(HERE, 1720)
            assert one.gate.has_guests(HERE)
            gone = ras.UnregistrationRequest(2, (), identifier=known.identifier)
            assert (await one.ask(gone)).name == "unregistrationConfirm"
            assert not one.gate.has_guests(HERE)
            assert [type(fact) for fact in one.told] == [Enrolled, Left]
            assert one.shell.counts["rrq", "confirmed"] == 1

    asyncio.run(story())


def test_a_unit_that_falls_silent_is_forgotten(monkeypatch):
    async def story():
        async with side(ttl_s=1) as one:
            await one.ask(one.rrq(1))
            await asyncio.wait_for(one.left.wait(), 5)
            assert len(one.shell) == 0
            assert [type(fact) for fact in one.told] == [Enrolled, Left]

    monkeypatch.setattr("sfu.signalling.h323.enrolment.GRACE_S", 0.1)
    asyncio.run(story())


def test_who_looks_for_any_gatekeeper_finds_ours():
    async def story():
        async with side(discovery=True) as one:
            here = socket.inet_aton(HERE)
            one.unit.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, here)
            ask = ras.GatekeeperRequest(7, one.us)
            found = await one.ask(ask, to=(DISCOVERY_GROUP, DISCOVERY_PORT))
            assert found == ras.GatekeeperConfirm(7, "sfu", one.shell.addresses[0])

    asyncio.run(story())


def test_who_asks_too_much_is_not_heard():
    async def story():
        async with side(Rates(messages_per_s=1, listed=())) as one:
            for number in range(1, 5):
                await one.ask(one.rrq(number))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(one.ask(one.rrq(9)), 0.3)
            assert one.gate.refused[Reason.MESSAGES] == 1

    asyncio.run(story())


def test_who_guesses_passwords_is_refused_and_blamed():
    async def story():
        name = (Alias("h323-ID", "lajoux"),)
        async with side(Rates(wrong_passwords_per_min=2), listed=False) as one:
            for number in range(1, 5):
                proof = prove(name[0], f"guess {number}", NOON)
                assert (await one.ask(one.rrq(number, name), (proof,))).reason == "securityDenial"
            assert one.gate.refused[Reason.PASSWORDS] == 2
            # anybody may send datagrams as this host: nobody is locked out of SIP by them
            register = b'REGISTER sip:x SIP/2.0\r\nAuthorization: Digest username="lajoux"\r\n\r\n'
            assert one.gate.judge(HERE, register) is Admission.TAKE
            right = prove(name[0], "secret", NOON)
            assert (await one.ask(one.rrq(9, name), (right,))).reason == "securityDenial"

    asyncio.run(story())


@pytest.mark.parametrize("hosts", [("127.0.0.1", "127.0.0.2"), ("0.0.0.0",)])
def test_an_answer_leaves_from_the_address_that_was_asked(hosts):
    async def story():
        async with side(hosts=hosts) as one:
            loop = asyncio.get_running_loop()
            for number, ours in enumerate(("127.0.0.1", "127.0.0.2"), 1):
                place = min(number, len(hosts)) - 1
                to = (ours, one.shell.addresses[place].port)
                one.unit.sendto(write(ras.GatekeeperRequest(number, one.us)), to)
                data, came = await asyncio.wait_for(loop.sock_recvfrom(one.unit, 4096), 2)
                assert (read(data)[0].number, came) == (number, to)

    asyncio.run(story())


def test_who_looks_for_any_gatekeeper_is_answered_once():
    async def story():
        async with side(hosts=("127.0.0.1", "127.0.0.2"), discovery=True) as one:
            loop = asyncio.get_running_loop()
            loopback = socket.inet_aton(HERE)
            one.unit.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, loopback)
            ask = write(ras.GatekeeperRequest(7, one.us))
            one.unit.sendto(ask, (DISCOVERY_GROUP, DISCOVERY_PORT))
            data, came = await asyncio.wait_for(loop.sock_recvfrom(one.unit, 4096), 2)
            here = one.shell.addresses[0]
            assert (read(data)[0], Address(*came)) == (ras.GatekeeperConfirm(7, "sfu", here), here)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(loop.sock_recvfrom(one.unit, 4096), 0.3)

    asyncio.run(story())


def test_a_busy_port_is_told_in_one_line():
    async def story():
        async with side() as one:
            taken = one.shell.addresses[0].port
            again = Side(Rates())
            again.shell._zone = Zone(hosts=(HERE,), port=taken)
            with pytest.raises(UseError, match=f"H.323 RAS over UDP, 127.0.0.1:{taken}"):
                await again.shell.start()
            again.unit.close()

    asyncio.run(story())
