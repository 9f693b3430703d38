"""A name stands on its card, legible, in a film any unit can take."""

import subprocess
import sys

import av
import numpy as np
import pytest

from sfu.media.still import MOST_BYTES, pictures
from sfu.shell.screen import path_of
from sfu.worker.title import MOST_LETTERS, WIDE, draw, titled, written


def shown(stream: bytes) -> np.ndarray:
    decoder = av.CodecContext.create("h264", "r")
    packets = [*decoder.parse(stream), *decoder.parse()]
    frames = [one for packet in (*packets, None) for one in decoder.decode(packet)]
    assert len(frames) == 20
    return frames[0].to_ndarray(format="gray")


@pytest.mark.parametrize("card", ["waiting-720p", "waiting-cif"])
def test_a_card_with_a_name_is_the_card_and_white_where_the_letters_are(card):
    plain = path_of(card).read_bytes()
    stream = titled(plain, "Mairie de Morez")
    before, after = shown(plain).astype(int), shown(stream).astype(int)
    ink = draw("Mairie de Morez", before.shape[1], before.shape[0])
    assert after[ink > 200].min() > 180
    assert np.abs(after - before)[ink == 0].mean() < 2
    units = [unit for picture in pictures(stream) for unit in picture]
    assert {unit[0] & 31 for unit in units} == {1, 5, 7, 8}
    assert max(map(len, units)) <= MOST_BYTES
    sps = next(unit for unit in units if unit[0] & 31 == 7)
    assert sps[1] == 66  # baseline
    assert sps[2] & 0x40  # the constrained one
    assert sps[3] == (31 if card == "waiting-720p" else 11)


@pytest.mark.parametrize("name", ["", "  ", "\0\x7f", "\U0001f600", "M" * 500, "\ud800", "é" * 40])
def test_any_name_fits(name):
    ink = draw(name, 1280, 720)
    columns = np.flatnonzero(ink.max(axis=0))
    assert columns.size
    assert columns[-1] - columns[0] <= WIDE * 1280
    assert ink[:140].max() == ink[300:].max() == 0


def test_letters_differ_and_accents_count():
    assert not np.array_equal(written("e"), written("é"))
    assert np.array_equal(written("e\u0301"), written("é"))  # composed or not
    assert np.array_equal(written("M" * 500), written("M" * MOST_LETTERS))


def test_the_program_draws_what_it_is_given():
    ran = subprocess.run(
        [sys.executable, "-m", "sfu.worker.title", str(path_of("waiting-cif"))],
        input=b"Morez", capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    assert ran.stdout == titled(path_of("waiting-cif").read_bytes(), "Morez")
