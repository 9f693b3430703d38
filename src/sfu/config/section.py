"""What sections of the settings are made of.

They are plain dataclasses: who receives them needs no pydantic.  The annotations carry the
ranges, which `load` has pydantic hold.  An empty string or list means "choose yourself".
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, TypeVar, dataclass_transform

from annotated_types import Ge, Le, MinLen
from pydantic import StringConstraints

T = TypeVar("T")

Number = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,20}$")]
Name = Annotated[str, MinLen(1)]
Priority = Annotated[int, Ge(0), Le(9)]
Bps = Annotated[int, Ge(0), Le(20_000_000)]
"""Of one picture's payload."""


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def section(cls: type[T]) -> type[T]:
    """Make a frozen dataclass whose unknown keys are refused."""
    # what pydantic looks for on a class it did not make
    cls.__pydantic_config__ = {"extra": "forbid"}  # type: ignore[attr-defined]
    make: Callable[[type[T]], type[T]] = dataclass(frozen=True, kw_only=True)
    return make(cls)
