"""The page's port: what an address may hold, what all together may, and how slow a request."""

import asyncio

from structlog.testing import capture_logs

from sfu.shell.accept import Failure
from sfu.shell.webdoor import (
    ANSWER_S,
    AT_ONCE,
    HEAD_S,
    MOST_BYTES,
    MOST_EACH,
    STRANGERS_AT_ONCE,
    Visit,
    WebGate,
)
from sfu.signalling.sip.blame import Reason

HOST, OTHER = "203.0.113.9", "203.0.113.1"
HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Time:
    """What a gate and its visits take for the clock."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Inner(asyncio.Protocol):
    """Keeps what reaches it."""

    def __init__(self) -> None:
        self.heard: list[object] = []
        self.transport: asyncio.Transport

    def connection_made(self, transport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.heard.append(data)

    def connection_lost(self, exc) -> None:
        self.heard.append("lost")


class Way(asyncio.Transport):
    """A connection without a network."""

    def __init__(self) -> None:
        super().__init__({"peername": (HOST, 1)})
        self.written: list[bytes] = []
        self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def abort(self) -> None:
        self.aborted = True


class Door:
    """A gate, and visits through it."""

    def __init__(self, members=(), **words) -> None:
        self.clock = Time()
        self.gate = WebGate(lambda host: host in members, clock=self.clock, **words)

    def come(self, host: str = HOST) -> tuple[Visit, Inner, Way]:
        assert self.gate.connect(host)
        inner, way = Inner(), Way()
        visit = Visit(self.gate, host, inner, self.clock)
        visit.connection_made(way)
        return visit, inner, way

    def later(self, seconds: float) -> None:
        self.clock.now += seconds
        self.gate.sweep()


def test_bytes_go_through_and_an_end_gives_the_place_back():
    door = Door()
    visit, inner, way = door.come()
    visit.data_received(HEAD)
    inner.transport.write(b"HTTP/1.1 200 OK\r\n\r\n")
    assert way.written == [b"HTTP/1.1 200 OK\r\n\r\n"]
    assert inner.transport.get_extra_info("peername") == (HOST, 1)
    assert len(door.gate.crowd) == 1
    visit.connection_lost(None)
    assert inner.heard == [HEAD, "lost"]
    assert len(door.gate.crowd) == 0


def test_who_sends_no_head_is_closed_and_told_of_for_fail2ban():
    door = Door()
    visit, _, way = door.come()
    with capture_logs() as lines:
        for byte in HEAD[:8]:
            door.later(HEAD_S / 8)
            visit.data_received(bytes([byte]))
        assert not way.aborted
        door.later(1)
    assert way.aborted
    assert door.gate.refused[Reason.SLOW] == 1
    (line,) = lines
    assert (line["event"], line["remote"], line["reason"]) == ("web_abuse", HOST, "slow")


def test_a_head_in_pieces_is_whole_where_its_last_byte_is():
    door = Door()
    visit, inner, way = door.come()
    for byte in HEAD:
        visit.data_received(bytes([byte]))
    door.later(HEAD_S + 1)  # it rings at who is called meanwhile
    assert not way.aborted
    inner.transport.write(b"HTTP/1.1 200 OK\r\n\r\n")
    door.later(HEAD_S + 1)  # it asks nothing: uvicorn's own patience
    assert not way.aborted
    visit.data_received(b"GET")
    door.later(HEAD_S + 1)
    assert way.aborted


def test_a_body_that_never_ends_is_cut():
    door = Door()
    visit, _, way = door.come()
    visit.data_received(b"POST /api/v1/calls HTTP/1.1\r\nContent-Length: 9\r\n\r\n")
    door.later(ANSWER_S)
    assert not way.aborted
    visit.data_received(b"x")
    door.later(1)
    assert way.aborted


def test_a_websocket_may_be_silent():
    door = Door()
    visit, inner, way = door.come()
    visit.data_received(HEAD)
    socket = Inner()
    inner.transport.set_protocol(socket)
    visit.data_received(b"\x81\x00")
    door.later(10_000)
    assert not way.aborted
    assert socket.heard == [b"\x81\x00"]


def test_an_address_opens_so_many_at_once_and_holds_so_many():
    door = Door()
    assert [door.gate.connect(HOST) for _ in range(AT_ONCE + 1)] == [True] * AT_ONCE + [False]
    while len(door.gate.crowd) < MOST_EACH:
        door.clock.now += 1
        assert door.gate.connect(HOST)
    door.clock.now += 1
    assert not door.gate.connect(HOST)
    assert door.gate.connect(OTHER)
    assert door.gate.refused[Reason.CONNECTIONS] == 2


def test_strangers_together_open_so_many_and_whose_member_is_inside_comes_in_all_the_same():
    door = Door(members=[OTHER])
    opened = [door.gate.connect(f"10.0.{n >> 8}.{n & 255}") for n in range(STRANGERS_AT_ONCE + 9)]
    assert opened.count(True) == STRANGERS_AT_ONCE
    assert door.gate.connect(OTHER)
    assert door.gate.refused[Reason.STRANGERS] == 9


def test_a_proxy_of_ours_opens_as_many_as_there_are():
    door = Door(rated=False, each=1000)
    assert all(door.gate.connect("127.0.0.1") for _ in range(1000))


def test_handshakes_that_were_late_are_counted_and_broken_ones_are_nobodys_fault():
    door = Door()
    for failure in Failure:
        assert door.gate.connect(HOST)
        door.gate.failed(HOST, failure)
    assert len(door.gate.crowd) == 0
    assert door.gate.refused[Reason.HANDSHAKES] == 2


def test_a_body_without_end_is_cut_and_told_of_however_it_is_answered():
    door = Door()
    visit, inner, way = door.come()
    visit.data_received(b"POST /api/v1/calls HTTP/1.1\r\nContent-Length: 900000000\r\n\r\n")
    inner.transport.write(b"HTTP/1.1 401 Unauthorized\r\n\r\n")
    for _ in range(MOST_BYTES // 65536):
        visit.data_received(bytes(65536))
    assert not way.aborted
    taken = len(inner.heard)
    visit.data_received(HEAD * 10)  # what looks like requests changes nothing
    assert way.aborted
    assert door.gate.refused[Reason.TOO_LARGE] == 1
    assert len(inner.heard) == taken


def test_many_requests_on_one_connection_and_a_websocket_may_be_long():
    door = Door()
    visit, inner, way = door.come()
    for _ in range(40):
        visit.data_received(HEAD + bytes(60_000))
        inner.transport.write(b"HTTP/1.1 200 OK\r\n\r\n")
    visit.upgrade(Inner())
    for _ in range(40):
        visit.data_received(bytes(60_000))
    assert not way.aborted
