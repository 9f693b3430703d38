from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from pydantic import TypeAdapter

from tests.api import client

Story = Callable[[client.Scene], Awaitable[Any]]


@pytest.fixture
def played(url: str) -> Callable[[Story], Any]:
    """Return what plays a story in a house with people in a database."""
    return partial(client.played, url)


@pytest.fixture(scope="session", autouse=True)
def types_read_once() -> Iterator[None]:
    """FastAPI has pydantic read every type anew for each app, and here each test has its own."""
    read: dict[str, Any] = {}

    def once(annotated: Any, config: Any = None) -> Any:
        key = f"{annotated!r} {config!r}"
        if key not in read:
            read[key] = TypeAdapter(annotated, config=config)
        return read[key]

    patch = pytest.MonkeyPatch()
    with suppress(ImportError, AttributeError):  # it stands elsewhere: slower, and no worse
        patch.setattr("fastapi._compat.v2.TypeAdapter", once)
    yield
    patch.undo()
