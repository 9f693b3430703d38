"""Three simulated participants who take turns in speaking: a meeting for who has no hardware."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Final

from sfu.probe.member import SimulatedMember
from sfu.probe.picture import Colour
from sfu.probe.sound import in_turn

PEOPLE: Final[tuple[tuple[str, Colour, float], ...]] = (
    ("Lajoux", (190, 60, 50), 330.0),
    ("Morez", (40, 140, 80), 440.0),
    ("Saint-Claude", (50, 80, 180), 550.0),
)
"""Name, colour, tone in Hz."""
RETRY_S: Final = 1.0
TRIES: Final = 20


async def run_demo(
    url: str, room: str, members: int | Sequence[SimulatedMember] = len(PEOPLE)
) -> None:
    """Keep a meeting going until cancelled; a server still starting is waited for 20 s."""
    people = demo_members(members) if isinstance(members, int) else list(members)
    try:
        async with asyncio.TaskGroup() as group:
            for person in people:
                group.create_task(_join(person, url, room))
        await asyncio.Event().wait()
    finally:
        await asyncio.gather(*(person.leave() for person in people), return_exceptions=True)


def demo_members(count: int = len(PEOPLE)) -> list[SimulatedMember]:
    """Return participants who have not joined yet."""
    return [
        SimulatedMember(name, colour, hz, speaks=in_turn(index, count))
        for index, (name, colour, hz) in enumerate(PEOPLE[:count])
    ]


async def _join(person: SimulatedMember, url: str, room: str) -> None:
    for _ in range(TRIES - 1):
        with contextlib.suppress(ConnectionError):
            return await person.join(url, room)
        await asyncio.sleep(RETRY_S)
    return await person.join(url, room)
