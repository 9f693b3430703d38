"""Timers of RFC 3261 section 17 as the four machines keep them, over UDP and over TCP."""

import pytest

from sfu.signalling.sip.message import Request, parse_message
from sfu.signalling.sip.reply import reply
from sfu.signalling.sip.transaction.client import Client
from sfu.signalling.sip.transaction.client_invite import InviteClient
from sfu.signalling.sip.transaction.output import GiveUp, Pass, Transmit
from sfu.signalling.sip.transaction.server import Server
from sfu.signalling.sip.transaction.server_invite import InviteServer


def request(method):
    message = parse_message(
        f"{method} sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1"
        f"\r\nTo: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 {method}\r\nRoute: <sip:p;lr>\r\n\r\n".encode()
    )
    assert isinstance(message, Request)
    return message


def run(machine, until):
    """Tick at each deadline; return when something was sent, and everything else put out."""
    sent, others = [], []
    for output in machine.poll():
        (sent.append(0) if isinstance(output, Transmit) else others.append(output))
    while machine.deadline is not None and machine.deadline <= until:
        now = machine.deadline
        machine.tick(now)
        for output in machine.poll():
            (sent.append(now) if isinstance(output, Transmit) else others.append(output))
    return sent, others


@pytest.mark.parametrize(("method", "machine"), [("INVITE", InviteClient), ("BYE", Client)])
def test_a_client_repeats_over_udp_only_and_gives_up_after_64_t1(method, machine):
    doubling = [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    capped = [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    udp = machine(request(method), reliable=False, now=0)
    assert run(udp, 100) == (doubling if method == "INVITE" else capped, [GiveUp()])
    assert udp.terminated
    tcp = machine(request(method), reliable=True, now=0)
    assert run(tcp, 100) == ([0], [GiveUp()])


def test_a_client_heard_of_goes_on_at_4_s_or_stops():
    bye = Client(request("BYE"), reliable=False, now=0)
    bye.handle(reply(request("BYE"), 100), 0.1)
    sent, _ = run(bye, 100)
    assert sent == [0, 0, *[0.5 + 4 * n for n in range(8)]][1:]
    invite = InviteClient(request("INVITE"), reliable=False, now=0)
    invite.handle(reply(request("INVITE"), 180), 0.1)
    assert run(invite, 1000)[0] == [0]
    assert invite.deadline is None


def test_a_refused_invite_is_acknowledged_each_time_for_32_s():
    client = InviteClient(request("INVITE"), reliable=False, now=0)
    refusal = reply(request("INVITE"), 486, tag="x")
    for now in (1, 2):
        client.handle(refusal, now)
    _, first, passed, again = client.poll()
    assert passed == Pass(refusal)
    assert first == again
    assert isinstance(first, Transmit)
    ack = parse_message(first.data)
    assert isinstance(ack, Request)
    assert (ack.method, ack.to.tag, ack.get("Route")) == ("ACK", "x", "<sip:p;lr>")
    assert ack.via.branch == "z9hG4bK1"
    assert client.deadline == 33
    client.tick(33)
    assert client.terminated


def test_each_2xx_passes_up_and_none_is_acknowledged_here():
    client = InviteClient(request("INVITE"), reliable=False, now=0)
    list(client.poll())
    for now in (1, 2, 3):
        client.handle(reply(request("INVITE"), 200), now)
    client.handle(reply(request("INVITE"), 486), 4)
    assert [type(output) for output in client.poll()] == [Pass] * 3
    client.tick(33)
    assert client.terminated


def test_a_final_answer_to_a_client_counts_once():
    client = Client(request("BYE"), reliable=False, now=0)
    for status in (200, 200, 500):
        client.handle(reply(request("BYE"), status), 1)
    assert [type(output) for output in client.poll()] == [Transmit, Pass]
    assert client.deadline == 6
    reliable = Client(request("BYE"), reliable=True, now=0)
    reliable.handle(reply(request("BYE"), 200), 1)
    assert reliable.deadline == 1


def test_a_server_repeats_its_last_answer():
    server = Server(request("BYE"), reliable=False)
    server.handle(request("BYE"), 0)
    assert list(server.poll()) == []
    server.respond(reply(request("BYE"), 200), 1)
    server.respond(reply(request("BYE"), 500), 1)
    server.handle(request("BYE"), 2)
    first, again = server.poll()
    assert first == again
    assert server.deadline == 33
    server.tick(33)
    assert server.terminated


def test_an_invite_refused_over_udp_is_repeated_until_timer_h():
    server = InviteServer(request("INVITE"), reliable=False)
    server.respond(reply(request("INVITE"), 486), 0)
    assert run(server, 100)[0] == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert server.terminated
    tcp = InviteServer(request("INVITE"), reliable=True)
    tcp.respond(reply(request("INVITE"), 486), 0)
    assert run(tcp, 31)[0] == [0]


def test_an_ack_ends_the_repetition_and_absorbs_more_for_t4():
    server = InviteServer(request("INVITE"), reliable=False)
    server.respond(reply(request("INVITE"), 486), 0)
    server.handle(request("ACK"), 1)
    server.handle(request("ACK"), 2)
    assert (server.deadline, server.refused) == (6, True)
    assert run(server, 100)[0] == [0]


def test_an_accepted_invite_lets_only_2xx_pass():
    server = InviteServer(request("INVITE"), reliable=False)
    server.respond(reply(request("INVITE"), 200), 0)
    server.handle(request("INVITE"), 1)
    server.respond(reply(request("INVITE"), 200), 2)
    server.respond(reply(request("INVITE"), 486), 3)
    assert len(list(server.poll())) == 2
    assert server.deadline == 32
