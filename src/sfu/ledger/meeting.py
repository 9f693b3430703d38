"""A meeting as the call records have it, and which sites took part in it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stay:
    """One member inside; seconds since 1970, UTC."""

    site: str
    """"" for somebody who is at no site we know."""
    people: int
    joined_at: float
    left_at: float


@dataclass(frozen=True, slots=True)
class Meeting:
    """One occupation of a room, over."""

    meeting: int
    room: str
    organisation: str
    """Who held it; "" where nobody knows."""
    home: str
    """The site of its room, "" where it has none."""
    started_at: float
    ended_at: float
    stays: tuple[Stay, ...]


@dataclass(frozen=True, slots=True)
class Attendance:
    """A site that took part."""

    site: str
    people: int
    """The most that were there at once: who came back after a lost line is no second one."""
    minutes: float
    """With somebody inside."""


def attend(stays: Iterable[Stay], least_minutes: float) -> tuple[Attendance, ...]:
    """Return the sites where somebody was inside for long enough, by name.

    "" stands among them for members without a site.
    """
    by_site: dict[str, list[Stay]] = {}
    for stay in stays:
        by_site.setdefault(stay.site, []).append(stay)
    found = (
        Attendance(site, _most(group), _seconds(group) / 60)
        for site, group in sorted(by_site.items())
    )
    return tuple(one for one in found if one.people and one.minutes >= least_minutes)


def _most(stays: Sequence[Stay]) -> int:
    """Count the most people at once; who leaves at an instant makes room for who comes then."""
    steps = [(stay.joined_at, 1, stay.people) for stay in stays if stay.left_at > stay.joined_at]
    steps += [(stay.left_at, 0, -stay.people) for stay in stays if stay.left_at > stay.joined_at]
    most = there = 0
    for _, _, change in sorted(steps):
        there += change
        most = max(most, there)
    return most


def _seconds(stays: Sequence[Stay]) -> float:
    """Return how long at least one was inside."""
    total, until = 0.0, float("-inf")
    for stay in sorted(stays, key=lambda one: one.joined_at):
        total += max(0.0, stay.left_at - max(stay.joined_at, until))
        until = max(until, stay.left_at)
    return total
