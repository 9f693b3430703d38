"""A classic BPF program on a UDP socket, that drops what some addresses send (socket(7), bpf(4)).

It needs no privilege, and stands before the socket's queue: what it drops takes no place in it.
"""

import ctypes
import socket
import struct
from collections.abc import Collection
from ipaddress import IPv4Address, ip_address, ip_network

SO_ATTACH_FILTER, SO_DETACH_FILTER, SO_RCVBUFFORCE = 26, 27, 33
_INSTRUCTION = struct.Struct("=HBBI")
_LOAD, _IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
"""BPF_LD|BPF_W|BPF_ABS, BPF_JMP|BPF_JEQ|BPF_K, BPF_RET|BPF_K."""
_NETWORK_HEADER = (1 << 32) - 0x100000
"""SKF_NET_OFF: offsets count from the IP header."""
_SOURCE_4, _SOURCE_6 = 12, 8
_WHOLE = 0xFFFFFFFF


def program(sites: Collection[str], *, ipv6: bool) -> bytes:
    """Return the instructions that drop these sites: IPv4 addresses, IPv6 networks of 64 bits."""
    code = b""
    for site in sorted(sites):
        words = _words(site)
        if (len(words) == 1) is ipv6:
            continue
        for place, word in enumerate(words):
            source = (_SOURCE_6 if ipv6 else _SOURCE_4) + 4 * place
            over = 2 * (len(words) - place) - 1  # past the rest of this site
            code += _INSTRUCTION.pack(_LOAD, 0, 0, _NETWORK_HEADER + source)
            code += _INSTRUCTION.pack(_IF_EQUAL, 0, over, word)
        code += _INSTRUCTION.pack(_RETURN, 0, 0, 0)
    return code + _INSTRUCTION.pack(_RETURN, 0, 0, _WHOLE)


def block(sock: socket.socket, sites: Collection[str]) -> None:
    """Drop what these sites send from now on, and nobody else; raises OSError."""
    if not sites:
        sock.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)
        return
    code = program(sites, ipv6=sock.family == socket.AF_INET6)
    held = ctypes.create_string_buffer(code)
    count = len(code) // _INSTRUCTION.size
    filters = struct.pack("HL", count, ctypes.addressof(held))  # struct sock_fprog
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, filters)


def _words(site: str) -> tuple[int, ...]:
    try:
        address = ip_address(site)
    except ValueError:
        top = int(ip_network(site).network_address) >> 64
        return top >> 32, top & _WHOLE
    return (int(address),) if isinstance(address, IPv4Address) else ()
