"""Wait for what a real program does, with an end to it."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

Seen = TypeVar("Seen")


async def until(
    condition: Callable[[], object] | Callable[[], Awaitable[object]],
    seconds: float,
    what: str,
    every: float = 0.05,
) -> float:
    """Return the seconds until the condition held; raise TimeoutError naming what did not come."""
    begin = time.monotonic()
    while True:
        result = condition()
        if inspect.isawaitable(result):
            result = await result
        if result:
            return time.monotonic() - begin
        if time.monotonic() - begin > seconds:
            raise TimeoutError(f"{what} did not come in {seconds} s")
        await asyncio.sleep(every)


async def settled(look: Callable[[], Seen], seconds: float = 10, every: float = 0.2) -> Seen:
    """Return what four looks in a row agree on; a socket outlives its answer a little."""
    seen: list[Seen] = []

    def agreed() -> bool:
        seen.append(look())
        return len(seen) > 3 and all(each == seen[-1] for each in seen[-4:])

    await until(agreed, seconds, "a state that stays", every)
    return seen[-1]
