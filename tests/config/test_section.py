"""A section is frozen, made by names alone, and takes no key it does not have."""

import dataclasses

import pytest
from pydantic import TypeAdapter, ValidationError

from sfu.config.section import Number, section


@section
class Bell:
    """A section."""

    number: Number = "7"


def test_a_section_cannot_be_changed():
    bell = Bell(number="42")
    with pytest.raises(dataclasses.FrozenInstanceError):
        bell.number = "43"  # type: ignore[misc]


def test_a_section_is_made_by_names():
    with pytest.raises(TypeError):
        Bell("42")  # type: ignore[call-arg]


@pytest.mark.parametrize("table", [{"number": "4 2"}, {"nummer": "42"}])
def test_what_it_does_not_have_is_refused(table):
    with pytest.raises(ValidationError):
        TypeAdapter(Bell).validate_python(table)
