"""What aiortc's ICE is helped with."""

import pytest

from sfu.probe.ice import is_loopback, spread_candidates

ANSWER = "\r\n".join(
    [
        "v=0",
        "a=group:BUNDLE 0 1",
        "m=audio 9 UDP/TLS/RTP/SAVPF 96",
        "a=candidate:1 1 udp 2130706431 127.0.0.1 10000 typ host",
        "a=end-of-candidates",
        "a=mid:0",
        "m=video 9 UDP/TLS/RTP/SAVPF 97",
        "a=mid:1",
        "",
    ]
)


def test_every_part_of_a_bundle_gets_the_firsts_candidates():
    spread = spread_candidates(ANSWER)
    assert spread.startswith(ANSWER[:-2])
    assert spread.endswith("a=mid:1\r\n" + "\r\n".join(ANSWER.split("\r\n")[3:5]) + "\r\n")
    assert spread_candidates(spread) == spread


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_this_hosts_own_addresses_are_known(host):
    assert is_loopback(host)
    assert not is_loopback("192.0.2.1")
    assert not is_loopback("sfu.example")
