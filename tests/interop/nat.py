"""A codec in a network of its own behind a NAT, on lines that carry 1500 bytes.

::

    unit, 192.168.77.2 --veth--> router: MASQUERADE --random, forgets after 30 s --veth--> here

Two namespaces, made and removed by the test; nothing of this host's own network is touched.
"""

import ctypes
import itertools
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

FORGETS_S = 30
"""The least a NAT may (RFC 4787 section 4.3)."""
CLONE_NEWNET = 0x40000000
_numbers = itertools.count(os.getpid() % 200 * 4)


@dataclass(frozen=True)
class Behind:
    """Where a unit stands."""

    namespace: str
    inside: str
    """The unit's own address."""
    outside: str
    """What the server sees it by."""
    server: str
    """The server's address, as the unit reaches it."""

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Open sockets there: they stay there."""
        libc = ctypes.CDLL(None, use_errno=True)
        with (
            open("/proc/thread-self/ns/net") as home,
            open(f"/run/netns/{self.namespace}") as there,
        ):
            _check(libc.setns(there.fileno(), CLONE_NEWNET))
            try:
                yield
            finally:
                _check(libc.setns(home.fileno(), CLONE_NEWNET))

    def fragments(self) -> int:
        """Count the IP fragments the unit has sent."""
        text = _run("ip", "netns", "exec", self.namespace, "cat", "/proc/net/snmp")
        names, values = (line.split()[1:] for line in text.splitlines() if line.startswith("Ip:"))
        return int(dict(zip(names, values, strict=True))["FragCreates"])


@contextmanager
def behind_nat() -> Iterator[Behind]:
    """Make both namespaces and their lines."""
    number = next(_numbers)
    router, unit, line = f"sfn{number}r", f"sfn{number}u", f"sfn{number}"
    net = f"10.{200 + number // 256}.{number % 256}"
    where = Behind(unit, "192.168.77.2", f"{net}.2", f"{net}.1")
    try:
        for name in (router, unit):
            _run("ip", "netns", "add", name)
            _run("ip", "-n", name, "link", "set", "lo", "up")
        _link(line, "", f"{net}.1/24", "out", router, f"{net}.2/24")
        _link("in", router, "192.168.77.1/24", "lan", unit, f"{where.inside}/24")
        _run("ip", "-n", unit, "route", "add", "default", "via", "192.168.77.1")
        within = ("ip", "netns", "exec", router)
        forgets = (
            f"net.netfilter.nf_conntrack_udp_timeout{kind}={FORGETS_S}" for kind in ("", "_stream")
        )
        _run(*within, "sysctl", "-q", "-w", "net.ipv4.ip_forward=1", *forgets)
        masquerade = ("POSTROUTING", "-o", "out", "-j", "MASQUERADE", "--random")
        _run(*within, "iptables", "-t", "nat", "-A", *masquerade)
        yield where
    finally:
        for name in (router, unit):
            subprocess.run(["ip", "netns", "del", name], capture_output=True)
        subprocess.run(["ip", "link", "del", line], capture_output=True)


def _link(one: str, at: str, address: str, other: str, far: str, far_address: str) -> None:
    where = ("-n", at) if at else ()
    _run("ip", *where, "link", "add", one, "type", "veth", "peer", "name", other, "netns", far)
    for name, place, what in ((one, where, address), (other, ("-n", far), far_address)):
        _run("ip", *place, "address", "add", what, "dev", name)
        _run("ip", *place, "link", "set", name, "mtu", "1500", "up")


def _run(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def _check(result: int) -> None:
    if result:
        raise OSError(ctypes.get_errno(), "setns")
