"""A record's counters as steps in time, by stream and by line.

Counters of browsers only grow; a step is what they grew between two looks.  A stream is who sees or
hears whom.  In a mesh and in Janus that is a connection; in ours a place (m-line) carries whom
`slots` says, and while it carries nobody its counters are nobody's.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.line.record import Record

MIX = -1
"""Whom one hears in the server's mix."""
Key = tuple[int, int]
"""Viewer's site, sender's."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one stream did between two looks; times in seconds after the join."""

    begin: float
    end: float
    media_bytes: int = 0
    packets: int = 0
    lost: int = 0
    frames: int = 0
    frozen_s: float = 0.0
    """Freezes that ended in this step, whole."""
    height: int = 0
    concealed: int = 0
    samples: int = 0


@dataclass(frozen=True, slots=True)
class LineStep:
    """What one direction of one line did in one period of the emulator."""

    begin: float
    end: float
    site: int
    direction: str
    rate_bps: float
    line_bytes: int
    packets: int
    dropped: int
    lost: int
    longest_ms: float
    late_ms: float
    waits: dict[int, int]
    """Milliseconds in the queue -> packets."""
    small: dict[int, int]
    """The same for packets of at most 300 bytes: what sound finds."""


@dataclass(frozen=True, slots=True)
class Series:
    """A record, ready to be judged."""

    pictures: dict[Key, list[Step]]
    sounds: dict[Key, list[Step]]
    lines: list[LineStep]
    expected: list[Key]
    """All pictures there should be between browsers."""
    estimates: dict[int, list[tuple[float, float]]]
    """By site: at which second the server took its line to bear so many bits a second."""
    firsts: dict[Key, float]
    """When a picture could first be shown, s; of pages that noted it."""


def read(record: Record) -> Series:
    """Return a record's series."""
    kinds: dict[str, dict[Key, list[Step]]] = {
        "video": defaultdict(list),
        "audio": defaultdict(list),
    }
    firsts: dict[Key, float] = {}
    for counted in record["counted"]:
        places = Places(counted["told"], record["joined_at"])
        for sender, at in _firsts(counted, places, record["joined_at"]):
            firsts.setdefault((counted["site"], sender), at)
        for kind, sender, step in _steps(counted["rows"], places, record["joined_at"]):
            kinds[kind][counted["site"], sender].append(step)
    sites = [counted["site"] for counted in record["counted"]]
    return Series(
        pictures=kinds["video"],
        sounds=kinds["audio"],
        lines=list(_line_steps(record["lines"], record["joined_at"])),
        expected=[(viewer, sender) for viewer in sites for sender in sites if viewer != sender],
        estimates=_estimates(record),
        firsts=firsts,
    )


def _firsts(
    counted: dict[str, Any], places: "Places", joined_at: float
) -> Iterator[tuple[int, float]]:
    for first in counted.get("firsts", ()):
        at, sender = first["at"] - joined_at, first["from"]
        if places.told:
            sender = places.carries(str(first["mid"]), at, at, anew=True)
        if sender is not None:
            yield sender, at


def _estimates(record: Record) -> dict[int, list[tuple[float, float]]]:
    found: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for look in record.get("looks", ()):
        for name, value in look["said"].items():
            if match := re.match(r'line_estimate_bps\{.*site="site(\d+)"', name):
                found[int(match[1])].append((look["at"] - record["joined_at"], value))
    return found


class Places:
    """Whom each place carries at a time, as our server told the page."""

    def __init__(self, told: list[dict[str, Any]], joined_at: float) -> None:
        self._maps: list[tuple[float, dict[str, int]]] = []
        self._mixing: list[tuple[float, bool]] = []
        self._voices: set[str] = set()
        sites: dict[str, int] = {}
        for note in told:
            message, at = note["message"], note["at"] - joined_at
            if message["type"] == "members":
                sites |= {row["member"]: _site(row["name"]) for row in message["members"]}
            elif message["type"] == "slots":
                carried = message["pictures"] | message["sounds"]
                now = {mid: sites.get(member, 0) for mid, member in carried.items() if member}
                self._maps.append((at, now))
                self._mixing.append((at, bool(message.get("mix"))))
                self._voices |= message["sounds"].keys()
        self.told = bool(self._maps) or any(note["message"]["type"] == "joined" for note in told)

    def carries(self, mid: str, begin: float, end: float, *, anew: bool = False) -> int | None:
        """Return whom a place carried from begin to end; None: nobody, or not one alone.

        `anew`: its counters began in between, so that nobody's before him counts for nothing.
        A sound's begins with `STARTS_S` of silence, which conceals nothing of him.
        """
        now: set[int | None] = set()
        if mid in self._voices and not anew:
            begin -= STARTS_S
        current: int | None = None
        for at, places in self._maps:
            if at >= begin and at <= end + GRACE_S:
                now.add(current)
            if at > end + GRACE_S:
                break
            current = places.get(mid)
        now.add(current)
        if anew:
            now.discard(None)
        return now.pop() if len(now) == 1 else None

    def mixes(self, mid: str, begin: float, end: float) -> bool:
        """Tell whether a place played the mix from begin to end.

        A place of single voices does not while it changes hands: who stopped to be forwarded has
        not been concealed.
        """
        if mid in self._voices:
            return False
        before = [mixing for at, mixing in self._mixing if at < begin][-1:]
        return all(before + [mixing for at, mixing in self._mixing if begin <= at <= end + GRACE_S])


STARTS_S = 0.25
"""Until a voice that was given a place is heard: a line, and what the page keeps in store."""
GRACE_S = 0.1
"""The server stops a stream before the page hears that its place is free."""


CODEC = 100
"""A room codec of site n is n more than this; whom we do not know is 0."""


def _site(name: str) -> int:
    found = re.search(r"(Site )?(\d+)$", name)
    if not found:
        return 0
    return int(found[2]) if found[1] else CODEC + int(found[2])


def _steps(
    rows: list[dict[str, Any]], places: Places, joined_at: float
) -> Iterator[tuple[str, int, Step]]:
    last: dict[str, dict[str, Any]] = {}
    last_at = joined_at
    for row in rows:
        begin, end = last_at - joined_at, row["at"] - joined_at
        last_at = row["at"]
        for now in row["streams"]:
            before = last.get(now["id"], {})
            last[now["id"]] = now
            if end <= 0:
                continue
            sender = now["from"]
            if places.told:
                sender = places.carries(str(now.get("mid")), begin, end, anew=_anew(before, now))
            if sender is None:
                mixed = now["kind"] == "audio" and places.mixes(str(now.get("mid")), begin, end)
                sender = MIX if mixed and _mixed(before, now) else None
            if sender is not None:
                yield now["kind"], sender, _step(begin, end, before, now)


def _anew(before: dict[str, Any], now: dict[str, Any]) -> bool:
    """Tell whether nothing was counted yet: no row, or of a picture one without any frame."""
    return not before or (now["kind"] == "video" and not before.get("framesDecoded"))


def _mixed(before: dict[str, Any], now: dict[str, Any]) -> bool:
    """Tell whether packets come on a place that carries no one member."""
    return bool(now.get("packetsReceived", 0) > before.get("packetsReceived", 0))


def _step(begin: float, end: float, before: dict[str, Any], now: dict[str, Any]) -> Step:
    def grown(name: str) -> Any:
        return now.get(name, 0) - before.get(name, 0)

    return Step(
        begin, end,
        media_bytes=grown("bytesReceived"), packets=grown("packetsReceived"),
        lost=grown("packetsLost"), frames=grown("framesDecoded"),
        frozen_s=grown("totalFreezesDuration"), height=now.get("frameHeight", 0),
        concealed=grown("concealedSamples"), samples=grown("totalSamplesReceived"),
    )  # fmt: skip


def _line_steps(rows: list[dict[str, Any]], joined_at: float) -> Iterator[LineStep]:
    before: dict[tuple[int, str], dict[str, Any]] = {}
    last_at = 0.0
    for row in rows:
        for now in row["lines"]:
            key = now["site"], now["dir"]
            old = before.get(key)
            before[key] = now
            if old is None:
                continue
            yield LineStep(
                last_at - joined_at, row["time"] - joined_at, *key, now["rate"],
                now["line_bytes"] - old["line_bytes"], now["pkts"] - old["pkts"],
                now["dropped"] - old["dropped"], now["lost"] - old["lost"],
                now["qmax_ms"], now["late_ms"],
                {int(ms): count for ms, count in now["waits_ms"].items()},
                {int(ms): count for ms, count in now["small_ms"].items()},
            )  # fmt: skip
        last_at = row["time"]
