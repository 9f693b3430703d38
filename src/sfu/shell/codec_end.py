"""Our end of a room codec's session description: ports, keys and what is refused, and why."""

from sfu.config import OfferedEncryption
from sfu.model import Kind, Protocol
from sfu.shell.codec_media import CodecMedia
from sfu.shell.surroundings import Surroundings
from sfu.signalling.sdp.answer import choose
from sfu.signalling.sdp.local import LocalLine, LocalMedia, Policy
from sfu.signalling.sdp.peer import PeerLine, PeerMedia


class OurEnd:
    """What we may say of ourselves in one call."""

    def __init__(
        self, media: CodecMedia, around: Surroundings, host: str, protocol: Protocol
    ) -> None:
        """Send to `host`: that is what the far end is told."""
        self._media = media
        self._around = around
        self._host, self._protocol = host, protocol
        self._session_id = int.from_bytes(around.entropy(4)) >> 1
        self.camera_shared = False
        """Another may listen to what it presses for the camera over there."""
        self.sound_only = False
        """Its line bears no picture: none is taken or offered."""

    def describe(self, peer: PeerMedia | None, *, secure: bool) -> LocalMedia:
        """Say which lines there are; `secure`: keys are offered in no way that may end in clear."""
        wanted = {
            Kind.AUDIO: peer is None or peer.audio is not None,
            Kind.VIDEO: (peer is None or peer.video is not None) and not self.sound_only,
            Kind.CAMERA: peer is not None and peer.camera is not None and self.camera_shared,
        }
        lines: dict[Kind, LocalLine | None] = {}
        for kind, needed in wanted.items():
            line = self._media.line(kind) if needed else None
            offered = self._peer_line(peer, kind)
            if line is None:
                lines[kind] = None
                continue
            if offered is not None:
                line.keys.choose(offered)
            else:
                line.keys.offer(self._offered_encryption(secure=secure))
            lines[kind] = line.keys.local(line.port)
        return LocalMedia(
            self._host, self._session_id, lines[Kind.AUDIO], lines[Kind.VIDEO],
            self._fingerprint(), lines[Kind.CAMERA],
        )  # fmt: skip

    def _fingerprint(self) -> str:
        identity = self._around.identity
        if identity is None:
            return ""
        return f"{identity.fingerprint.algorithm} {identity.fingerprint.value}"

    def _offered_encryption(self, *, secure: bool) -> OfferedEncryption:
        """Return how we offer: what must be secret is offered in no way that may end in clear."""
        if self._protocol is Protocol.H323:
            return OfferedEncryption.AUTO  # in clear: H.235 is not spoken
        chosen = self._around.offered
        if not secure or chosen is OfferedEncryption.DTLS:
            return chosen
        return OfferedEncryption.SDES

    @staticmethod
    def _peer_line(peer: PeerMedia | None, kind: Kind) -> PeerLine | None:
        if peer is None:
            return None
        found = {Kind.AUDIO: peer.audio, Kind.VIDEO: peer.video, Kind.CAMERA: peer.camera}
        index = found[kind]
        return peer.lines[index] if index is not None else None

    @staticmethod
    def why_nothing(peer: PeerMedia, policy: Policy) -> str:
        """Say what there was not in common."""
        able = [
            line
            for line in peer.lines
            if line.index in (peer.audio, peer.video) and choose(line, policy)
        ]
        if not able:
            return "no codec in common"
        if any(line.offers_keys for line in able):
            return "no encryption in common"
        return "media must be encrypted here"
