"""No setting is refused in the words of a programmer."""

from pydantic import TypeAdapter

from sfu.config import Settings
from sfu.config.running import EVENTS
from sfu.config.words import PATTERNS, perhaps
from sfu.shell.news import NewsKind


def patterns(schema):
    """Yield each pattern that stands anywhere in a JSON schema."""
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"]
        for one in schema.values():
            yield from patterns(one)
    elif isinstance(schema, list):
        for one in schema:
            yield from patterns(one)


def test_each_pattern_is_said_in_words_and_no_other():
    assert set(patterns(TypeAdapter(Settings).json_schema())) == set(PATTERNS)


def test_a_word_is_asked_for_that_is_alike():
    assert perhaps("mroez", ["lajoux", "morez"]) == "; perhaps morez?"
    assert perhaps("xyz", ["lajoux", "morez"]) == ""


def test_the_events_that_can_be_asked_for_are_those_that_are_told():
    assert set(EVENTS) == {one.value for one in NewsKind}
