"""What the engine tells goes to whom it concerns; a fault of one of them costs nobody else."""

from structlog.testing import capture_logs

from sfu.media.engine.event import SocketEnded
from sfu.model import SocketId
from tests.shell.stage import stage


def test_a_fault_over_one_event_costs_this_one_alone():
    ended = []

    def falls(socket):
        ended.append(socket)
        raise RuntimeError("whoever hears of it is broken")

    with stage() as house, capture_logs() as logs:
        hearing = house.patchbay.hearing
        hearing.streams |= {SocketId(1001): falls, SocketId(1002): ended.append}
        for number in (1001, 1002, 1003):  # the last is nobody's
            hearing.take(SocketEnded(SocketId(number)))
    assert ended == [1001, 1002]
    assert [(line["event"], line["kind"]) for line in logs] == [("event_failed", "SocketEnded")]
