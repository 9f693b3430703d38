"""Pairs of ports: even and odd, given out in turn, given back."""

import os
import socket

import pytest

from sfu.errors import UseError
from sfu.shell.ports import PortRange


def freed(pair):
    os.close(pair.rtp_fd)
    os.close(pair.rtcp_fd)
    return pair.port


def test_rtp_takes_the_even_port_and_rtcp_the_one_above():
    pair = PortRange(24001, 24005).take()
    try:
        with socket.socket(fileno=os.dup(pair.rtp_fd)) as rtp, socket.socket(
            fileno=os.dup(pair.rtcp_fd)
        ) as rtcp:  # fmt: skip
            assert (rtp.getsockname()[1], rtcp.getsockname()[1]) == (pair.port, pair.port + 1)
            assert pair.port % 2 == 0
    finally:
        freed(pair)


def test_a_port_given_back_rests_before_it_is_used_again():
    ports = PortRange(24010, 24015)
    assert [freed(ports.take()) for _ in range(4)] == [24010, 24012, 24014, 24010]


def test_a_port_somebody_else_holds_is_passed_over():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 24021))
        assert freed(PortRange(24020, 24023).take()) == 24022


def test_a_range_that_is_used_up_says_so_and_leaks_nothing():
    ports = PortRange(24030, 24031)
    pair = ports.take()
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(UseError, match="no media port is free"):
        ports.take()
    assert len(os.listdir("/proc/self/fd")) == before
    assert freed(pair) == freed(ports.take()) == 24030


def test_a_range_without_a_pair_is_refused():
    with pytest.raises(UseError, match="no pair"):
        PortRange(24041, 24042)
