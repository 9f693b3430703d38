"""What a simulated member sends can be read from what arrives, a codec having been between."""

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.probe.demo import PEOPLE
from sfu.probe.picture import Painter, alike, read

channels = st.integers(0, 255)


@settings(max_examples=30)
@given(st.tuples(channels, channels, channels), st.integers(0, 65535))
def test_a_picture_tells_its_colour_and_its_number(colour, number):
    seen = read(Painter("Saint-Lupicin", colour, 320, 192).paint(number))
    assert seen.number == number
    assert max(abs(a - b) for a, b in zip(seen.colour, colour, strict=True)) <= 4
    assert (seen.width, seen.height) == (320, 192)


@pytest.mark.parametrize("encoder", ["libx264", "libvpx"])
def test_a_codec_between_leaves_both_readable(encoder):
    context = av.CodecContext.create(encoder, "w")
    context.width, context.height, context.pix_fmt = 320, 192, "yuv420p"
    context.bit_rate, context.framerate = 200_000, 15
    context.time_base = 1 / context.framerate
    context.options = {"tune": "zerolatency"} if encoder == "libx264" else {"deadline": "realtime"}
    decoder = av.CodecContext.create("h264" if encoder == "libx264" else "vp8", "r")
    colour, painter = (190, 60, 50), Painter("Lajoux", (190, 60, 50), 320, 192)
    packets = []
    for number in range(1000, 1006):
        picture = av.VideoFrame.from_ndarray(painter.paint(number), format="yuv420p")
        picture.pts = number
        packets += context.encode(picture)
    packets += context.encode(None)
    pictures = [p for packet in packets for p in decoder.decode(packet)] + decoder.decode(None)
    planes = [np.asarray(one.to_ndarray(format="yuv420p"), dtype=np.uint8) for one in pictures]
    read_back = [read(one) for one in planes]
    assert [seen.number for seen in read_back] == list(range(1000, 1006))
    assert all(alike(seen.colour, colour) for seen in read_back)


def test_the_names_can_be_told_apart_by_colour():
    colours = [colour for _, colour, _ in PEOPLE]
    assert not any(alike(a, b) for a in colours for b in colours if a is not b)


def test_a_name_is_drawn_within_its_picture_whatever_it_is():
    plain = Painter("", (90, 90, 90), 320, 192).paint(0)
    for name in ("Moirans-en-Montagne et ses hameaux réunis", "Échenoz", "☃", "x"):
        picture = Painter(name, (90, 90, 90), 320, 192).paint(0)
        assert picture.shape == plain.shape
        assert (picture != plain).any() == (name != "☃")
