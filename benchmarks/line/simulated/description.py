"""The offer of a simulated browser, and what it reads in the answer."""

import re
from dataclasses import dataclass

LEVEL, SEND_TIME, TRANSPORT_CC, MID, RID = 1, 2, 3, 4, 10
OPUS, PCMU, VP8, RTX = 111, 0, 96, 97
MICROPHONE, CAMERA = "0", "1"
URIS = {
    SEND_TIME: "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    TRANSPORT_CC: "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
    MID: "urn:ietf:params:rtp-hdrext:sdes:mid",
}
LEVEL_URI = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
RID_URI = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"


@dataclass(frozen=True)
class Own:
    """What stands in every part of the offer."""

    ufrag: str
    password: str
    fingerprint: str


def offer(own: Own, sounds: int, pictures: int, rids: list[str]) -> str:
    """Return microphone, camera in layers, places for sounds and for pictures."""
    parts = [_part(own, MICROPHONE, "audio", "sendonly")]
    layers = [*(f"a=rid:{rid} send" for rid in rids), f"a=simulcast:send {';'.join(rids)}"]
    parts.append(_part(own, CAMERA, "video", "sendonly", layers))
    mids = range(2, 2 + sounds + pictures)
    for mid in mids:
        kind = "audio" if mid < 2 + sounds else "video"
        parts.append(_part(own, str(mid), kind, "recvonly"))
    group = " ".join(["0", "1", *map(str, mids)])
    head = ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", f"a=group:BUNDLE {group}"]
    return "\r\n".join([*head, *(line for part in parts for line in part)]) + "\r\n"


def _part(own: Own, mid: str, kind: str, way: str, more: list[str] | None = None) -> list[str]:
    audio = kind == "audio"
    numbers = f"{OPUS} {PCMU}" if audio else f"{VP8} {RTX}"
    uris = URIS | ({LEVEL: LEVEL_URI} if audio else {RID: RID_URI})
    codecs = [f"a=rtpmap:{OPUS} opus/48000/2", f"a=rtcp-fb:{OPUS} transport-cc"]
    if not audio:
        codecs = [f"a=rtpmap:{VP8} VP8/90000", f"a=rtpmap:{RTX} rtx/90000"]
        codecs += [f"a=fmtp:{RTX} apt={VP8}"]
        for word in ("goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"):
            codecs.append(f"a=rtcp-fb:{VP8} {word}")
    return [
        f"m={kind} 9 UDP/TLS/RTP/SAVPF {numbers}", "c=IN IP4 0.0.0.0",
        f"a=ice-ufrag:{own.ufrag}", f"a=ice-pwd:{own.password}",
        f"a=fingerprint:{own.fingerprint}", "a=setup:actpass", f"a=mid:{mid}",
        *(f"a=extmap:{number} {uri}" for number, uri in sorted(uris.items())),
        f"a={way}", "a=rtcp-mux", *codecs, *(more or []),
    ]  # fmt: skip


@dataclass(frozen=True)
class Theirs:
    """The server's end; `places`: which stream is whose mid."""

    ufrag: str
    password: str
    fingerprint: tuple[str, str]
    setup: str
    """Its part in DTLS."""
    host: str
    port: int
    places: dict[int, str]


def read(answer: str, near: str) -> Theirs:
    """Read an answer of docs/protocol.md; `near` is where the page came from."""

    def one(pattern: str) -> re.Match[str]:
        found = re.search(pattern, answer)
        assert found, pattern
        return found

    places: dict[int, str] = {}
    for part in answer.split("\r\nm=")[1:]:
        mid = re.search(r"a=mid:(\S+)", part)
        ssrc = re.search(r"a=ssrc:(\d+) ", part)
        if mid and ssrc:
            places[int(ssrc[1])] = mid[1]
    host = one(rf"a=candidate:\S+ 1 udp \d+ ({re.escape(near)}) (\d+) typ host")
    print_ = one(r"a=fingerprint:(\S+) (\S+)")
    return Theirs(
        one(r"a=ice-ufrag:(\S+)")[1], one(r"a=ice-pwd:(\S+)")[1], (print_[1], print_[2]),
        one(r"a=setup:(\S+)")[1], host[1], int(host[2]), places,
    )  # fmt: skip
