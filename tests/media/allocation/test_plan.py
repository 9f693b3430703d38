from dataclasses import replace

from sfu.media.allocation.encapsulation import Encapsulation
from sfu.media.allocation.event import Demand
from sfu.media.allocation.plan import make
from sfu.media.allocation.rung import Rung, Why
from sfu.media.allocation.usual import usual
from sfu.media.allocation.world import DOWN, SOUND_ONLY, STILL, UP, Encoding, Sender, World
from sfu.media.engine.pacer import PictureClass
from sfu.model import Framing, LineId, MemberId, SinkId, SourceId

WRAP = Encapsulation(Framing.ATM, 16)
ONE, TWO = LineId(1), LineId(2)


def world(down, up=1_500_000, heights=(180, 360), has=None, **demand):
    encodings = tuple(
        Encoding(SourceId(n + 1), str(n), height, 25.0, usual(height, top=height == heights[-1]))
        for n, height in enumerate(heights)
    )
    viewer = Demand(SinkId(7), MemberId("m2"), TWO, MemberId("m1"), PictureClass.MAIN, **demand)
    return World(
        {MemberId("m1"): Sender(MemberId("m1"), ONE, 62, encodings)},
        (viewer,),
        {ONE: WRAP, TWO: WRAP},
        {(ONE, UP): up, (ONE, DOWN): 0.0, (TWO, UP): 0.0, (TWO, DOWN): down},
        has or {},
    )


def choice(*args, rising=False, **more):
    return make(world(*args, **more), rising=rising).choices[SinkId(7)]


def test_a_viewer_gets_the_layer_his_line_bears():
    assert choice(800_000).level == 1
    assert choice(120_000).level == 0
    assert choice(120_000).rung is Rung.SMALL


def test_below_the_smallest_layer_a_still_and_then_nothing():
    assert choice(60_000).level == STILL
    assert choice(10_000).level == SOUND_ONLY
    assert choice(10_000).why is Why.LINE_DOWN


def test_the_senders_line_may_be_what_holds_a_picture():
    assert choice(800_000, up=10_000).why is Why.LINE_UP
    plan = make(world(800_000, up=300_000))
    assert plan.whys[MemberId("m1"), 1] is Why.LINE_UP


def test_who_fell_stays_until_he_is_let_up():
    assert choice(800_000, has={SinkId(7): 0}).level == 0
    assert choice(800_000, has={SinkId(7): 0}, rising=True).level == 1


def test_letting_up_asks_for_a_fifth_to_spare():
    bare = 205_000  # h would fit, but hardly
    assert choice(bare).level == 1
    assert choice(bare, has={SinkId(7): 0}, rising=True).level == 0


def test_a_small_place_is_given_a_small_layer():
    assert choice(800_000, max_height=180).level == 0
    assert choice(800_000, max_height=180).rung is Rung.FULL


def test_a_viewers_own_limit_holds_the_stream():
    plan = make(world(800_000, max_bps=300_000))
    assert plan.rates[MemberId("m1"), 1] <= 300_000


def test_slides_keep_their_size_and_lose_pictures():
    here = world(200_000, heights=(1080,))
    slides = replace(here.demands[0], picture_class=PictureClass.SLIDES)
    plan = make(replace(here, demands=(slides,)))
    assert plan.choices[SinkId(7)].rung is Rung.SLIDES_SLOW


def test_the_same_world_gives_the_same_plan():
    assert make(world(640_000)) == make(world(640_000))
