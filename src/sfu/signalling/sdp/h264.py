"""What an H.264 payload format promises, and which one to answer (RFC 6184 section 8).

A unit's level lies: an HDX says 1.3 (CIF) and max-mbps, max-fs that mean 720p.  The promise is
the level united with the extensions; a present extension wins, even below its level.

Everybody decodes (constrained) baseline, so only those are answered, High on request::

    profile_idc       66      77             88
    constraint bits   any     1.......       11......
"""

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Sequence

from sfu.model import Codec
from sfu.signalling.capability import H264Limits
from sfu.signalling.sdp.format import Format

LEVELS = {
    10: (1_485, 99, 64, 396),
    11: (3_000, 396, 192, 900),
    12: (6_000, 396, 384, 2_376),
    13: (11_880, 396, 768, 2_376),
    20: (11_880, 396, 2_000, 2_376),
    21: (19_800, 792, 4_000, 4_752),
    22: (20_250, 1_620, 4_000, 8_100),
    30: (40_500, 1_620, 10_000, 8_100),
    31: (108_000, 3_600, 14_000, 18_000),
    32: (216_000, 5_120, 20_000, 20_480),
    40: (245_760, 8_192, 20_000, 32_768),
    41: (245_760, 8_192, 50_000, 32_768),
    42: (522_240, 8_704, 50_000, 34_816),
    50: (589_824, 22_080, 135_000, 110_400),
    51: (983_040, 36_864, 240_000, 184_320),
    52: (2_073_600, 36_864, 240_000, 184_320),
}
"""H.264 Table A-1 by level_idc: macroblocks/s, macroblocks, kbit/s, macroblocks of dpb."""

LEVEL_1B = (1_485, 99, 128, 396)
CONSTRAINT_SET3 = 0x10

WIDE_SIZES = (
    (1920, 1080),
    (1280, 720),
    (1024, 576),
    (768, 448),
    (640, 360),
    (512, 288),
    (352, 288),
    (176, 144),
)

MAX_PARAMETER_SETS = 16
MAX_PARAMETER_SET = 1_024


def profile_level(form: Format) -> tuple[int, int, int] | None:
    """Return (profile_idc, constraint byte, level_idc); without one it is 42000a (RFC 6184 8.1)."""
    text = form.get("profile-level-id") or "42000a"
    try:
        value = bytes.fromhex(text)
    except ValueError:
        return None
    return (value[0], value[1], value[2]) if len(value) == 3 and len(text) == 6 else None


def mode_of(form: Format) -> int | None:
    """Return the packetization-mode, 0 or 1; None for interleaved mode, which we do not know."""
    text = form.get("packetization-mode")
    return 0 if text is None else {"0": 0, "1": 1}.get(text)


def limits_of(form: Format) -> H264Limits | None:
    """Return the promise of one payload format, None where it cannot be read."""
    who, mode = profile_level(form), mode_of(form)
    if who is None or mode is None:
        return None
    mbps, fs, br, dpb = _level(*who)
    max_dpb = form.number("max-dpb", 1)
    mbps = form.number("max-mbps", 1) or mbps
    return H264Limits(
        profile=who[0],
        constraints=who[1],
        level=who[2],
        mbps=mbps,
        fs=form.number("max-fs", 1) or fs,
        br_kbps=form.number("max-br", 1) or br,
        dpb=max_dpb * 8 // 3 if max_dpb else dpb,
        modes=frozenset({mode}),
        smbps=form.number("max-smbps", 1) or mbps,
    )


def is_usable(form: Format) -> bool:
    """Tell whether every receiver decodes what this format carries."""
    who = profile_level(form)
    if form.codec is not Codec.H264 or who is None or mode_of(form) is None:
        return False
    profile, constraints, _ = who
    needed = {66: 0x00, 77: 0x80, 88: 0xC0}.get(profile)
    return needed is not None and constraints & needed == needed


def usable(forms: Sequence[Format]) -> list[Format]:
    """Return the H.264 formats we may use, baseline before the rest, else in the order offered."""
    found = [form for form in forms if is_usable(form)]
    return sorted(found, key=lambda form: (profile_level(form) or (0,))[0] != 66)


def choose(forms: Sequence[Format], *, single_nal: bool = False) -> Format | None:
    """Return the one format to answer: mode 1 where offered, mode 0 first if `single_nal`."""
    found = usable(forms)
    wanted = 0 if single_nal else 1
    return next((form for form in found if mode_of(form) == wanted), found[0] if found else None)


def modes_of(forms: Sequence[Format]) -> frozenset[int]:
    """Return the packetization modes among the formats we may use."""
    found = (mode_of(form) for form in usable(forms))
    return frozenset(mode for mode in found if mode is not None)


def fps(limits: H264Limits, width: int, height: int) -> int:
    """Return the most pictures a second of a size, 0 if it does not fit."""
    if not limits.fits(width, height):
        return 0
    return limits.mbps // (-(-width // 16) * -(-height // 16))


def best_size(limits: H264Limits) -> tuple[int, int, int]:
    """Return (width, height, fps) of the largest usual picture it takes at 5 fps or more."""
    for width, height in WIDE_SIZES:
        rate = fps(limits, width, height)
        if rate >= 5:
            return width, height, rate
    return 0, 0, 0


def own_fmtp(
    form: Format, *, max_mbps: int = 0, max_fs: int = 0, max_br: int = 0, spell_mode: bool = False
) -> str:
    """Write the parameters of an answer: the offered profile and level, our wishes below them.

    The level byte is echoed (RFC 6184 section 8.2.2); nothing exceeds the offer.  0 is no wish;
    `spell_mode` writes mode 0 as well, which is the default.
    """
    offered, who = limits_of(form), profile_level(form)
    assert offered is not None
    assert who is not None
    words = [f"profile-level-id={bytes(who).hex()}"]
    if mode_of(form) == 1 or spell_mode:
        words.append(f"packetization-mode={mode_of(form)}")
    if form.get("level-asymmetry-allowed") == "1":
        words.append("level-asymmetry-allowed=1")
    mbps, fs, br, _ = _level(*who)
    for name, promise, wish, usual in (
        ("max-mbps", offered.mbps, max_mbps, mbps),
        ("max-fs", offered.fs, max_fs, fs),
        ("max-br", offered.br_kbps, max_br, br),
    ):
        value = min(promise, wish) if wish else promise
        if value != usual:
            words.append(f"{name}={value}")
    return ";".join(words)


def parameter_sets(form: Format) -> tuple[bytes, ...]:
    """Return SPS and PPS of `sprop-parameter-sets`, without start codes; broken ones left out."""
    found = []
    for word in (form.get("sprop-parameter-sets") or "").split(",")[:MAX_PARAMETER_SETS]:
        try:
            unit = b64decode(word, validate=True)
        except (Base64Error, ValueError):
            continue
        if 0 < len(unit) <= MAX_PARAMETER_SET and unit[0] & 0x1F in (7, 8):
            found.append(unit)
    return tuple(found)


def _level(profile: int, constraints: int, level: int) -> tuple[int, int, int, int]:
    if level == 9 or (level == 11 and constraints & CONSTRAINT_SET3 and profile in (66, 77, 88)):
        return LEVEL_1B
    known = max((one for one in LEVELS if one <= level), default=10)
    return LEVELS[known]
