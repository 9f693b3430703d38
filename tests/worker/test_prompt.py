"""The voices are there, are heard, and say all that can be said."""

import numpy as np
import pytest

from sfu.config.rooms import Language
from sfu.media.mix import RATE_HZ
from sfu.media.mix.level import dbov
from sfu.room.attendant import Prompt
from sfu.worker import prompt


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("said", [*Prompt, "echo", "ending"])
def test_each_prompt_is_spoken_in_each_language(language, said):
    wave = prompt.samples(f"{language}/{said}")
    assert 0.4 * RATE_HZ < len(wave) < 6 * RATE_HZ
    loudness = dbov(wave[None, :])[0]
    assert 16 <= loudness <= 26  # all alike, none shouts


def test_the_voices_are_small():
    size = sum(path.stat().st_size for path in prompt.VOICES.glob("*/*"))
    assert 100_000 < size < 1_000_000


def test_prompts_follow_each_other_with_a_pause():
    first, second = prompt.samples("fr/welcome"), prompt.samples("en/welcome")
    wave = prompt.speech(("fr/welcome", "en/welcome"))
    assert len(wave) == len(first) + len(second) + 2 * len(prompt.PAUSE)
    assert np.array_equal(wave[: len(first)], first)


def test_what_is_unknown_is_left_out():
    assert len(prompt.speech(("fr/../../mixer", "xx/welcome"))) == 0
    assert len(prompt.speech(())) == 0
    with pytest.raises(KeyError):
        prompt.samples("xx/welcome")
