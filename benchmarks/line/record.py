"""What is kept of a run, and what everything else is reckoned from."""

from typing import Any

Record = dict[str, Any]
"""JSON: title, sites, joined_at, phases, variant, counted (by site), lines (the emulator's rows),
looks (what the system said of itself), codecs, seen, cpu."""
