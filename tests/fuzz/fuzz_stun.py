"""STUN, from the shared port's directory down to the agent.

    python tests/fuzz/fuzz_stun.py SECONDS [SEED]

Half of the inputs have their length and FINGERPRINT set right, or few would get past the header.
"""

import sys
import zlib

from sfu.media.connect import stun
from sfu.media.connect.directory import IceDirectory
from sfu.media.connect.ice import CheckReceived, Credentials, IceAgent, Path
from sfu.media.connect.stun import Attribute, StunType
from sfu.model import Address, SocketId
from tests.fuzz.datagram import main

OURS = Credentials("ourufrag", "ourpasswordourpassword12")
PATH = Path(SocketId(1), Address("2001:db8::7", 4000))
USERNAME = (Attribute.USERNAME, b"ourufrag:theirs")
SEEDS = [
    stun.compose(StunType.REQUEST, bytes(12), [USERNAME, *more], OURS.password)
    for more in (
        [(Attribute.USE_CANDIDATE, b""), (Attribute.PRIORITY, bytes(4))],
        [(Attribute.ICE_CONTROLLED, bytes(8))],
        [(0x7ABC, b"x"), (Attribute.SOFTWARE, b"software")],
    )
] + [
    stun.compose(StunType.SUCCESS, bytes(12), [stun.compose_xor_address(PATH.remote, bytes(12))]),
    stun.compose(StunType.ERROR, bytes(12), [stun.compose_error(487, "Role Conflict")]),
]


def read(data: bytes) -> None:
    """Read it as it is, then mended."""
    for each in (data, mended(data)):
        agent = IceAgent(OURS, 0.0)
        directory: IceDirectory[str] = IceDirectory()
        directory.open("session", agent)
        directory.receive(PATH, each, 1.0)
        agent.tick(100.0)
        for output in agent.poll():
            repr(output)
    agent.handle(CheckReceived(PATH, data), 1.0)


def mended(data: bytes) -> bytes:
    """Set length and fingerprint right."""
    body = data[20 : len(data) - len(data) % 4 - 8]
    head = data[:2].ljust(2, b"\0") + (len(body) + 8).to_bytes(2) + SEEDS[0][4:20] + body
    crc = zlib.crc32(head) ^ 0x5354554E
    return head + Attribute.FINGERPRINT.to_bytes(2) + b"\0\4" + crc.to_bytes(4)


if __name__ == "__main__":
    sys.exit(main("fuzz_stun", SEEDS, read))
