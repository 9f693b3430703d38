"""Wait for what a real program does, with an end to it."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable


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
