"""Simulated participants: real WebRTC clients that send what they can recognise in others.

They speak `docs/protocol.md` and nothing else; of the server they know only its address.  Each
sends a picture of a colour of its own and a tone of its own, so that a test can ask *who* is seen
and *who* is heard.
"""

from sfu.probe.demo import run_demo
from sfu.probe.member import Refused, SimulatedMember

__all__ = ["Refused", "SimulatedMember", "run_demo"]
