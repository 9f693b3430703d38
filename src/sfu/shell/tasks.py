"""Tasks that are kept and whose death is told: the only place that makes one."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_log = logging.getLogger(__name__)
_running: set[asyncio.Task[Any]] = set()
"""asyncio itself holds tasks weakly: one nobody refers to may vanish."""


def spawn(name: str, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Run `work` beside us under a name; an exception that ends it is logged."""
    task = asyncio.get_running_loop().create_task(work, name=name)
    _running.add(task)
    task.add_done_callback(_tell)
    return task


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks and wait until they are gone: what they use may be closed then.

    One that is stopped amid a question to the database needs the database to let go of it.
    """
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _tell(task: asyncio.Task[Any]) -> None:
    _running.discard(task)
    if not task.cancelled() and (error := task.exception()):
        _log.error("task %r died", task.get_name(), exc_info=error)
