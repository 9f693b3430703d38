from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from pydantic import TypeAdapter


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
