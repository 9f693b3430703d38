"""What a voice costs: its codec, packet time, encryption and header extensions as bytes of IP.

::

    IP 20 or 40 | UDP 8 | RTP 12 | extensions, whole words (RFC 8285) | payload | SRTP tag, MKI
"""

from collections.abc import Sequence

from sfu.media.allocation.budget import Sound
from sfu.media.allocation.encapsulation import ip_bytes
from sfu.model import Codec, Keys, SrtpSuite

RTP_BYTES = 12
OPUS_BPS = 32_000
"""What browsers choose for a voice; the mix's own is 24 kbit/s."""
USUAL_PTIME_MS = 20
RED_BYTES = 5
"""Headers of two sounds in one packet (RFC 2198)."""
_TAGS = {
    SrtpSuite.AES_CM_128_HMAC_SHA1_32: 4,
    SrtpSuite.AES_256_CM_HMAC_SHA1_32: 4,
    SrtpSuite.AEAD_AES_128_GCM: 16,
    SrtpSuite.AEAD_AES_256_GCM: 16,
}
HMAC_80_BYTES = 10


def protection_bytes(keys: Keys | None) -> int:
    """Return what SRTP adds to a packet; 0 in clear."""
    if keys is None:
        return 0
    return _TAGS.get(keys.suite, HMAC_80_BYTES) + len(keys.mki)


def extension_bytes(elements: Sequence[int]) -> int:
    """Return what one-byte header extensions add; `elements` are the lengths of their data."""
    if not elements:
        return 0
    return 4 + -(-sum(1 + length for length in elements) // 4) * 4


def voice(
    codec: Codec,
    ptime_ms: int = USUAL_PTIME_MS,
    *,
    headers_bytes: int = 0,
    ipv6: bool = False,
    opus_bps: int = OPUS_BPS,
    twice: bool = False,
) -> Sound:
    """Return one voice; `headers_bytes` are those of extensions and SRTP.

    `twice`: each packet holds the sound before beside its own.
    """
    bps = opus_bps if codec is Codec.OPUS else 64_000
    payload = -(-bps * ptime_ms // 8_000)
    payload += payload + RED_BYTES if twice else 0
    whole = ip_bytes(RTP_BYTES + headers_bytes + payload, ipv6=ipv6)
    return Sound(whole, 1_000 / ptime_ms)
