"""Who hears whom: the loudest forwarded in fixed places, the rest by the mix, nobody himself.

RTP clocks of one stream cannot change (RFC 7160), so a listener has places for `wide` sounds
(Opus, 48 kHz) and for `narrow` ones (G.722 and G.711, 8 kHz)::

    browser, rule 3 or 1:  the loudest 3 or 1 it can decode forwarded; those it cannot, mixed
    browser, rule 0:       everybody mixed
    room codec:            everybody mixed; without a mixer the loudest it can decode, forwarded

A sound keeps its place until somebody else speaks and it has been quiet for `REST_S`, or speaks too
but much more softly: a pause between two words moves nobody.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sfu.model import Codec, MemberId
from sfu.room.loudness import SPEAKING, Loudness, Scores
from sfu.room.member import FORWARDED, Member, Members
from sfu.room.output import PlaySounds

REST_S = 1.0
"""Quiet for so long, a sound gives way; and so long it stays after it took a place."""
PAUSE_S = 0.3
"""Quiet for less than this, somebody still speaks: levels come every 50 to 100 ms."""
LOUDER = 12.0
"""By so many dB a challenger takes the place of one who speaks too."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Which places a listener has, and how many sounds may be forwarded at once."""

    wide: int
    narrow: int
    forwarded: int


def shape_of(listener: Member, *, mixing: bool) -> Shape:
    """Return the places of a listener."""
    takes = listener.capability.audio_receive
    wide, narrow = Codec.OPUS in takes, bool(takes & {Codec.G722, Codec.PCMA, Codec.PCMU})
    if listener.capability.forwarded_sounds:
        forwarded = min(max(listener.forwarded, 0), FORWARDED)
        return Shape(FORWARDED * wide, FORWARDED * narrow, forwarded)
    if mixing:
        return Shape(0, 0, 0)
    return Shape(int(wide), int(narrow), 1)


class SoundPlaces:
    """The places of one listener."""

    def __init__(self) -> None:
        """Start with silence."""
        self._since: dict[MemberId, float] = {}
        """Who is forwarded, and since when."""
        self._wide: list[MemberId | None] = []
        self._narrow: list[MemberId | None] = []

    def play(self, listener: Member, members: Members, now: float, *, mixing: bool) -> PlaySounds:
        """Return what the listener shall hear now."""
        shape = shape_of(listener, mixing=mixing)
        others = [m for m in members.values() if m is not listener and m.sound is not None]
        able = {m.member: m for m in others if m.sound in listener.capability.audio_receive}
        forwarded = able if shape.forwarded else {}
        self._choose(forwarded, shape.forwarded, now)
        self._wide = self._place(self._wide, shape.wide, wide=True, members=members)
        self._narrow = self._place(self._narrow, shape.narrow, wide=False, members=members)
        mixed = frozenset(m.member for m in others if m.member not in forwarded) if mixing else ()
        return PlaySounds(listener.member, tuple(self._wide), tuple(self._narrow), frozenset(mixed))

    def _choose(self, able: Mapping[MemberId, Member], most: int, now: float) -> None:
        """Settle who is forwarded: at most so many of those the listener can decode."""
        scores: Scores = {m: member.loudness.at(now) for m, member in able.items()}
        stay = sorted((m for m in self._since if m in able), key=lambda m: -scores[m])[:most]
        self._since = {m: self._since[m] for m in stay}
        waiting = sorted((m for m in able if m not in self._since), key=lambda m: -scores[m])
        for member in waiting:
            if len(self._since) == most:
                victim = self._victim(able, scores, member, now)
                if victim is None:
                    continue
                del self._since[victim]
            self._since[member] = now

    def _victim(
        self, able: Mapping[MemberId, Member], scores: Scores, member: MemberId, now: float
    ) -> MemberId | None:
        """Return who gives its place to a member, None if nobody does."""
        if not _speaks(able[member].loudness, now):
            return None
        settled = [m for m, since in self._since.items() if now - since >= REST_S]
        resting = [m for m in settled if now - able[m].loudness.spoke_at >= REST_S]
        if resting:
            return min(resting, key=lambda m: scores[m])
        talking = [m for m in settled if now - able[m].loudness.spoke_at < PAUSE_S]
        quietest = min(talking, key=lambda m: scores[m], default=None)
        if quietest is not None and scores[member] >= max(SPEAKING, scores[quietest] + LOUDER):
            return quietest
        return None

    def _place(
        self, places: list[MemberId | None], size: int, *, wide: bool, members: Members
    ) -> list[MemberId | None]:
        """Return the places of one clock, everybody who stays where it was."""
        belong = [m for m in self._since if (members[m].sound is Codec.OPUS) is wide]
        kept = [m if m in belong else None for m in places[:size]]
        kept += [None] * (size - len(kept))
        for member in (m for m in belong if m not in kept):
            kept[kept.index(None)] = member
        return kept


def _speaks(loudness: Loudness, now: float) -> bool:
    return now - loudness.spoke_at < PAUSE_S
