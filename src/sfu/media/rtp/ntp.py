"""NTP timestamps as RTCP uses them (RFC 3550 section 4): 32.32 fixed point since 1900."""

UNIX_EPOCH_S = 2_208_988_800
"""Seconds from 1900 to 1970."""


def from_unix(seconds: float) -> int:
    """Make a 64-bit timestamp of Unix time."""
    return round((seconds + UNIX_EPOCH_S) * (1 << 32)) & 0xFFFFFFFF_FFFFFFFF


def to_unix(timestamp: int) -> float:
    """Make Unix time of a 64-bit timestamp; precise to about a microsecond."""
    return timestamp / (1 << 32) - UNIX_EPOCH_S


def middle(timestamp: int) -> int:
    """Keep the middle 32 bits, 16.16, as LSR does."""
    return timestamp >> 16 & 0xFFFFFFFF


def from_seconds(seconds: float) -> int:
    """Make a 16.16 duration, as DLSR is, capped at what 32 bits hold."""
    return max(0, min(round(seconds * 65536), 0xFFFFFFFF))


def to_seconds(duration: int) -> float:
    """Read a 16.16 duration; one that wrapped below zero is negative."""
    return ((duration + 0x80000000 & 0xFFFFFFFF) - 0x80000000) / 65536
