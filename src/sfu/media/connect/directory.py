"""Whose a datagram is on the one port all browsers share.

::

    first byte 0-3 (STUN)   -> by the ufrag its USERNAME begins with, if we gave it out
    20-63 (DTLS)            -> by the path, once an authentic check came by it
    anything else           -> nobody's (RFC 7983)

What is nobody's gets no answer: we amplify nothing.
"""

from typing import Generic, TypeVar

from sfu.media.connect.ice import (
    CheckReceived,
    Credentials,
    IceAgent,
    Path,
    PathLost,
    local_ufrag,
)
from sfu.model import SocketId

Session = TypeVar("Session")


def is_stun(payload: bytes) -> bool:
    """Tell by the first byte."""
    return bool(payload) and payload[0] <= 3


def is_dtls(payload: bytes) -> bool:
    """Tell by the first byte."""
    return bool(payload) and 20 <= payload[0] <= 63


class IceDirectory(Generic[Session]):
    """The ICE agents behind one port, each with whatever the caller knows its session by."""

    def __init__(self) -> None:
        """Start empty."""
        self._by_ufrag: dict[str, tuple[Session, IceAgent]] = {}
        self._by_path: dict[Path, tuple[Session, IceAgent]] = {}

    def open(self, session: Session, agent: IceAgent) -> None:
        """Let this agent be found."""
        for ufrag in agent.ufrags:
            self._by_ufrag[ufrag] = session, agent

    def close(self, agent: IceAgent) -> None:
        """Forget an agent, its names and paths."""
        self._by_ufrag = {u: found for u, found in self._by_ufrag.items() if found[1] is not agent}
        self._by_path = {p: found for p, found in self._by_path.items() if found[1] is not agent}

    def sockets(self) -> frozenset[SocketId]:
        """Return the sockets some agent's checked paths stand on."""
        return frozenset(path.socket for path in self._by_path)

    def lose(self, socket: SocketId, now: float) -> list[Session]:
        """Hear that a connection is over: its agents are told, `poll` them."""
        lost = [(path, found) for path, found in self._by_path.items() if path.socket == socket]
        for path, (session, agent) in lost:
            agent.handle(PathLost(path), now)
            self._relearn(session, agent)
        return [session for _, (session, _agent) in lost]

    def restart(self, agent: IceAgent, credentials: Credentials) -> None:
        """Restart an agent that is open; both names lead to it until the new one is nominated."""
        session = self._by_ufrag[agent.ufrags[0]][0]
        agent.restart(credentials)
        self._relearn(session, agent)  # a name given out and never used is forgotten

    def receive(self, path: Path, payload: bytes, now: float) -> Session | None:
        """Find the session; a check is handed to its agent already: `poll` that.

        DTLS is left to the caller.  None: nobody's, drop it.
        """
        if is_dtls(payload):
            known = self._by_path.get(path)
            return known[0] if known else None
        ufrag = local_ufrag(payload) if is_stun(payload) else None
        found = self._by_ufrag.get(ufrag) if ufrag else None
        if found is None:
            return None
        session, agent = found
        if self._by_path.get(path, found)[1] is not agent:
            # another's path: who forges its address, or uses its stream, gets no answer
            return None
        before = agent.ufrags, agent.paths
        agent.handle(CheckReceived(path, payload), now)
        if before != (agent.ufrags, agent.paths):
            self._relearn(session, agent)
        return session

    def _relearn(self, session: Session, agent: IceAgent) -> None:
        self.close(agent)
        self.open(session, agent)
        for path in agent.paths:
            self._by_path[path] = session, agent
