"""Moments as the API writes them."""

from datetime import UTC, datetime


def iso(seconds: float) -> str:
    """Write seconds since 1970 as ISO 8601 has them, in UTC: "2026-03-01T14:05:00+00:00"."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
