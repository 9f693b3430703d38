from dataclasses import replace

from sfu.media.allocation.event import Layer, Picture
from sfu.media.allocation.output import Cap
from sfu.media.allocation.rung import Steer
from sfu.media.allocation.senders import Senders
from sfu.model import Codec, MemberId, SourceId

M1 = MemberId("m1")


def picture(bps=0, packets=0.0, fps=25.0, steer=Steer.RATE):
    layer = Layer(SourceId(1), "", 720, fps, bps, packets, 1_400_000)
    return Picture(M1, None, (layer,), Codec.H264, steer, 40)


def view(senders):
    return senders.view()[M1].encodings[0]


def test_figures_that_wobble_are_held_still():
    senders = Senders()
    senders.handle(picture(600_000, 75, 25.0), 0.0)
    before = view(senders)
    senders.handle(picture(630_000, 78, 24.1), 1.0)
    assert view(senders) == before


def test_a_codec_of_small_packets_costs_more():
    senders = Senders()
    senders.handle(picture(600_000, 600_000 / 8 / 480), 0.0)
    assert view(senders).packet_bytes == 700


def test_who_cannot_be_steered_is_taken_as_measured():
    senders = Senders()
    senders.handle(picture(900_000, 110, steer=Steer.NONE), 0.0)
    assert view(senders).fixed_bps == 900_000


def test_who_goes_on_sending_too_much_is_deaf_until_it_does_not():
    senders = Senders()
    senders.handle(picture(), 0.0)
    senders.told(M1, (Cap("", 500_000, True),), 0.0)
    for step in range(60):
        senders.handle(picture(900_000, 110), step / 10)
    assert senders.deaf == {M1}
    assert view(senders).fixed_bps == 900_000
    for step in range(60, 120):
        senders.handle(picture(480_000, 60), step / 10)
    assert not senders.deaf
    assert view(senders).fixed_bps == 0


def test_who_has_not_been_told_yet_is_not_deaf():
    """A new offer waits: what was ordered meanwhile, or unwatched, counts for nothing."""
    senders = Senders()
    for step in range(220):
        told = 601_000 if step < 100 else 320_000
        senders.handle(replace(picture(615_000, 75), told_bps=told), step / 10)
        senders.told(M1, (Cap("", 120_000, step > 50),), step / 10)
        if step == 149:
            assert not senders.deaf
    assert senders.deaf == {M1}


def test_who_left_is_forgotten():
    senders = Senders()
    senders.handle(picture(), 0.0)
    senders.forget(M1)
    assert not senders.view()


def test_layers_whose_height_nobody_told_are_the_usual_ones_of_our_page():
    layers = tuple(Layer(SourceId(n), rid, 0, 0.0, 0, 0.0) for n, rid in ((1, "l"), (2, "h")))
    senders = Senders()
    senders.handle(Picture(M1, None, layers, Codec.VP8, Steer.LAYERS), 0.0)
    assert [one.height for one in senders.view()[M1].encodings] == [180, 360]
