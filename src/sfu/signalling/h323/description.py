"""Between session descriptions and H.245: the rest of the house speaks SDP, a unit speaks H.245.

::

    our offer (SDP)  --> Ours: ports, codecs, limits --> terminalCapabilitySet, channels we open
    its channels     --> its answer, or its own offer (SDP)

What SDP says in one line, H.245 says in two places: capabilities tell what somebody takes, channels
what flows and where to.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sfu.model import Address, Codec, Kind
from sfu.signalling.h323.capset import Ability, CapabilitySet
from sfu.signalling.h323.datatype import (
    BASELINE,
    H264,
    LEVEL,
    MAX_BR,
    MAX_DPB,
    MAX_FS,
    MAX_MBPS,
    MAX_SMBPS,
    NON_INTERLEAVED,
    PROFILE,
    SINGLE_NAL,
    Camera,
    DataType,
    OldPicture,
    Packetization,
    Sound,
)
from sfu.signalling.sdp import h264
from sfu.signalling.sdp.format import Format
from sfu.signalling.sdp.peer import ON_HOLD_HOSTS, PeerLine, read_offer
from sfu.signalling.sdp.session import SessionDescription, parse

LEVEL_CODES = {
    10: 15, 9: 19, 11: 22, 12: 29, 13: 36, 20: 43, 21: 50, 22: 57, 30: 64, 31: 71, 32: 78,
    40: 85, 41: 92, 42: 99, 50: 106, 51: 113,
}  # fmt: skip
"""level_idc -> H.241 table 8-5; 9 stands for 1b."""
LEVELS_BY_CODE = {code: level for level, code in LEVEL_CODES.items()}
UNIT_MBPS, UNIT_FS, UNIT_DPB, UNIT_BR_BPS = 500, 256, 32_768, 25_000
DPB_BYTES = 384
"""Bytes of one macroblock in the decoded picture buffer."""
SOUND_ORDER = (Codec.G722, Codec.PCMA, Codec.PCMU)
SESSIONS = {Kind.AUDIO: 1, Kind.VIDEO: 2, Kind.CAMERA: 3}
DYNAMIC = {SINGLE_NAL: 96, NON_INTERLEAVED: 97}
TELEPHONE_EVENT = 101
STATIC = {Codec.G722: 9, Codec.PCMA: 8, Codec.PCMU: 0, Codec.H263: 34, Codec.H261: 31}


@dataclass(frozen=True, slots=True)
class Ours:
    """What a description of ours says, as far as H.245 can say it."""

    session: SessionDescription
    sounds: tuple[Codec, ...]
    media: Mapping[Kind, Address]
    control: Mapping[Kind, Address]
    picture: H264 | None
    modes: frozenset[int]
    """H.264 packetizations we would take."""
    olds: tuple[OldPicture, ...]
    """H.263 and H.261, for who knows no H.264."""
    holds: frozenset[Kind]
    """What we do not want to receive now."""

    def capabilities(self, sequence: int, *, old: bool = True) -> CapabilitySet:
        """Say what we take; without `old` neither H.263 nor H.261."""
        what: list[DataType] = [Sound(codec) for codec in self.sounds]
        if self.picture is not None:
            what.append(self.picture)
        if old:
            what += self.olds
        if Kind.CAMERA in self.media:
            what.append(Camera())
        packed = [SINGLE_NAL, NON_INTERLEAVED] if 1 in self.modes else [SINGLE_NAL]
        return CapabilitySet(
            sequence,
            tuple(Ability(number, one) for number, one in enumerate(what, 1)),
            tuple(Packetization(DYNAMIC[oid], oid) for oid in packed) if self.picture else (),
            telephone_event=TELEPHONE_EVENT,
        )

    def choose(self, kind: Kind, theirs: CapabilitySet) -> DataType | None:
        """Return what we send of a kind to somebody who takes this."""
        match kind:
            case Kind.AUDIO:
                return self._sound(theirs)
            case Kind.VIDEO:
                return self._picture(theirs)
        taken = theirs.takes(Camera)
        return taken[0].what if taken and kind in self.media else None

    def _sound(self, theirs: CapabilitySet) -> Sound | None:
        takes = {one.what.codec for one in theirs.takes(Sound) if isinstance(one.what, Sound)}
        codec = next((one for one in self.sounds if one in takes), None)
        return Sound(codec) if codec is not None else None  # 20 ms, whatever its most is

    def _picture(self, theirs: CapabilitySet) -> DataType | None:
        for ability in theirs.takes(H264):
            picture = ability.what
            assert isinstance(picture, H264)
            if self.picture is not None and picture.parameter(PROFILE) & BASELINE:
                return picture
        taken = [one.what for one in theirs.takes(OldPicture) if isinstance(one.what, OldPicture)]
        same = (old for ours in self.olds for old in taken if old.codec is ours.codec)
        return next(same, None)


def read_ours(session: SessionDescription) -> Ours:
    """Read a description of ours: `session` was composed by this house."""
    peer = read_offer(session)
    media: dict[Kind, Address] = {}
    control: dict[Kind, Address] = {}
    holds = set()
    lines: dict[Kind, PeerLine] = {}
    for line in peer.lines:
        if line.kind is None or line.rtp is None or line.kind in lines:
            continue
        lines[line.kind] = line
        media[line.kind] = line.rtp
        control[line.kind] = line.rtcp or Address(line.rtp.host, line.rtp.port + 1)
        if not line.receives:
            holds.add(line.kind)
    sound, picture = lines.get(Kind.AUDIO), lines.get(Kind.VIDEO)
    return Ours(
        session,
        tuple(codec for codec in SOUND_ORDER if sound and codec in sound.codecs),
        media,
        control,
        _picture_of(picture) if picture else None,
        h264.modes_of(picture.formats) if picture else frozenset(),
        _olds_of(picture) if picture else (),
        frozenset(holds),
    )


def _picture_of(line: PeerLine) -> H264 | None:
    """Say by H.241 what our H.264 format says by fmtp: never less than it promises."""
    form = h264.choose(line.formats)
    limits = h264.limits_of(form) if form is not None else None
    if limits is None:
        return None
    level = limits.level if limits.level in LEVEL_CODES else 31
    mbps, fs, *_ = h264.LEVELS.get(level, h264.LEVEL_1B)
    parameters = [(PROFILE, BASELINE), (LEVEL, LEVEL_CODES[level])]
    if limits.mbps > mbps:
        parameters.append((MAX_MBPS, limits.mbps // UNIT_MBPS))
    if limits.fs > fs:  # rounded up: 14 x 256 would forbid 720p
        parameters.append((MAX_FS, -(-limits.fs // UNIT_FS)))
    rate = min(filter(None, (line.max_bps, limits.br_kbps * 1_000)), default=0)
    return H264(rate, tuple(parameters))


def _olds_of(line: PeerLine) -> tuple[OldPicture, ...]:
    """Return the H.263 and H.261 of a line, in its order: CIF as often as it says."""
    return tuple(
        OldPicture(form.codec, line.max_bps or 768_000, _sizes(form))
        for form in line.formats
        if form.codec in (Codec.H263, Codec.H261)
    )


def _sizes(form: Format) -> tuple[tuple[str, int], ...]:
    sizes = []
    for name in ("qcif", "cif", "cif4"):
        interval = form.number("4cif" if name == "cif4" else name, 1, 32)
        if interval and not (form.codec is Codec.H261 and name == "cif4"):
            sizes.append((name, interval))
    return tuple(sizes or [("cif", 1)])


# ---- what a unit's channels say, as a description


@dataclass(frozen=True, slots=True)
class Flow:
    """One kind of media of a unit: what it takes, what it sends, where to."""

    kind: Kind
    rtp: Address | None
    """Where it takes RTP; None before it said so."""
    rtcp: Address | None
    taken: DataType | None
    """What we send on our channel to it."""
    taken_payload: int | None
    sent: DataType | None
    """What it sends on its channel to us."""
    sent_payload: int | None
    max_bps: int = 0
    """What it takes of a picture by flowControlCommand, 0 without."""
    taken_mode: int = 0
    sent_mode: int = 0
    """H.264 packetization of either."""


def describe(
    flows: Mapping[Kind, Flow],
    pattern: SessionDescription,
    host: str,
    version: int,
    event: int | None,
) -> SessionDescription:
    """Compose what a unit would say in SDP; lines stand as those of `pattern`, ours."""
    lines = [
        "v=0",
        f"o=- 1 {version} IN {_family(host)} {host}",
        "s=-",
        f"c=IN {_family(host)} {host}",
        "t=0 0",
    ]
    seen: set[Kind] = set()
    for ours in read_offer(pattern).lines:
        flow = flows.get(ours.kind) if ours.kind is not None else None
        if flow is None or ours.kind in seen or not ours.port or not (flow.taken or flow.sent):
            lines.append(
                f"m={ours.media} 0 {ours.protocol} {ours.formats[0].pt if ours.formats else 0}"
            )
            continue
        seen.add(flow.kind)
        lines += _line(flow, ours, host, event)
    return parse("\r\n".join([*lines, ""]))


def _family(host: str) -> str:
    return "IP6" if ":" in host else "IP4"


def _line(flow: Flow, ours: PeerLine, host: str, event: int | None) -> Iterator[str]:
    forms: dict[int, tuple[str, str]] = {}
    for payload, form in _formats(flow):
        forms.setdefault(payload, form)
    if flow.kind is Kind.AUDIO and event is not None:
        forms.setdefault(event, ("telephone-event/8000", "0-15"))
    port = flow.rtp.port if flow.rtp else 9
    yield f"m={ours.media} {port} {ours.protocol} {' '.join(map(str, forms))}"
    there = flow.rtp.host if flow.rtp and flow.rtp.host not in ON_HOLD_HOSTS else host
    if there != host:
        yield f"c=IN {_family(there)} {there}"
    if flow.kind is Kind.VIDEO and flow.max_bps:
        yield f"b=TIAS:{flow.max_bps}"
    for number, (mapping, parameters) in forms.items():
        yield f"a=rtpmap:{number} {mapping}"
        if parameters:
            yield f"a=fmtp:{number} {parameters}"
    if flow.rtcp and flow.rtp and flow.rtcp.port != flow.rtp.port + 1:
        at = flow.rtcp.host if flow.rtcp.host not in ON_HOLD_HOSTS else there
        yield f"a=rtcp:{flow.rtcp.port} IN {_family(at)} {at}"
    yield f"a={_direction(flow)}"


def _direction(flow: Flow) -> str:
    receives = flow.taken is not None and flow.rtp is not None
    if receives and flow.sent is not None:
        return "sendrecv"
    return "recvonly" if receives else "sendonly"


def _formats(flow: Flow) -> Iterator[tuple[int, tuple[str, str]]]:
    """Yield payload number -> (rtpmap, fmtp): what it takes first, then what it sends."""
    sent, sent_mode = flow.sent, flow.sent_mode
    if (
        isinstance(flow.taken, H264)
        and isinstance(sent, H264)
        and sent_mode
        and not flow.taken_mode
    ):
        # who takes mode 0 and sends mode 1 shall not be read as taking what it sends
        sent, sent_mode = flow.taken, 0
    for data, payload, mode in (
        (flow.taken, flow.taken_payload, flow.taken_mode),
        (sent, flow.sent_payload, sent_mode),
    ):
        match data:
            case Sound():
                yield STATIC[data.codec], (f"{data.codec.name}/8000", "")
            case H264() if payload is not None:
                yield payload, ("H264/90000", h264_fmtp(data, mode))
            case OldPicture():
                yield STATIC[data.codec], (f"{data.codec.name}/90000", _old_fmtp(data))
            case Camera():
                yield payload or 100, ("H224/4800", "")


def h264_fmtp(picture: H264, mode: int) -> str:
    """Say by fmtp what H.241 parameters say (RFC 6184 section 8.1)."""
    level = LEVELS_BY_CODE.get(picture.parameter(LEVEL), 10)
    constraint = "10" if level == 9 else "80"
    words = [f"profile-level-id=42{constraint}{11 if level == 9 else level:02x}"]
    words.append(f"packetization-mode={mode}")
    for name, value in (
        ("max-mbps", picture.parameter(MAX_MBPS) * UNIT_MBPS),
        ("max-fs", picture.parameter(MAX_FS) * UNIT_FS),
        ("max-smbps", picture.parameter(MAX_SMBPS) * UNIT_MBPS),
        ("max-dpb", picture.parameter(MAX_DPB) * UNIT_DPB // (DPB_BYTES * 8 // 3)),
        ("max-br", _max_br_kbps(picture)),
    ):
        if value:
            words.append(f"{name}={value}")
    return ";".join(words)


def _max_br_kbps(picture: H264) -> int:
    """Return max-br: the lesser of what the parameter and maxBitRate allow."""
    rates = (picture.parameter(MAX_BR) * UNIT_BR_BPS, picture.max_bps)
    return min(filter(None, rates), default=0) // 1_000


def _old_fmtp(picture: OldPicture) -> str:
    names = {"sqcif": "SQCIF", "qcif": "QCIF", "cif": "CIF", "cif4": "CIF4", "cif16": "CIF16"}
    sizes = sorted(picture.intervals, key=lambda one: -list(names).index(one[0]))
    words = [f"{names[size]}={interval}" for size, interval in sizes]
    return ";".join([*words, f"MAXBR={picture.max_bps // 100}"])
