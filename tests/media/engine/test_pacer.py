"""Speech passes, pictures wait their turn, nothing piles up: the pacer in virtual time."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from sfu.media.allocation.encapsulation import Encapsulation
from sfu.media.engine.pacer import PATIENCE_US, WAITING_MAX, Pacer, PictureClass, Starved
from sfu.model import Framing, SinkId
from tests.scenarios.line import AccessLine

PPPOA = Encapsulation(Framing.ATM, 10)
RATE = 1_900_000
PACKET, VOICE = PPPOA.line_bytes(1228), PPPOA.line_bytes(122)
MAIN, THUMBNAIL, SLIDES = PictureClass.MAIN, PictureClass.THUMBNAIL, PictureClass.SLIDES
ONE, TWO = SinkId(1), SinkId(2)
TIME_US = -(-PACKET * 8 * 1_000_000 // RATE)


def fill(pacer: Pacer[str], sink: SinkId, count: int, now_us: int = 0, cls=MAIN) -> None:
    for n in range(count):
        pacer.put(cls, sink, PACKET, f"{sink}/{n}", now_us)


def drain(pacer: Pacer[str], until_us: int, now_us: int = 0) -> list[tuple[int, str]]:
    """Call it exactly when it asks; return what left and when."""
    left = []
    while (deadline := pacer.deadline_us) is not None and max(deadline, now_us) <= until_us:
        now_us = max(deadline, now_us)
        left += [(now_us, one.packet) for one in pacer.take(now_us)]
    return left


def test_pictures_leave_as_the_line_takes_them():
    pacer = Pacer[str](RATE)
    fill(pacer, ONE, 10)
    times = [at for at, _ in drain(pacer, 1_000_000)]
    assert times == [n * TIME_US for n in range(10)]


def test_sinks_of_one_class_take_turns():
    pacer = Pacer[str](RATE)
    fill(pacer, ONE, 2)
    fill(pacer, TWO, 2)
    assert [what for _, what in drain(pacer, 1_000_000)] == ["1/0", "2/0", "1/1", "2/1"]


def test_slides_go_before_the_speaker_and_the_speaker_before_thumbnails():
    pacer = Pacer[str](RATE)
    for cls, sink in ((THUMBNAIL, 3), (MAIN, 2), (SLIDES, 1)):
        fill(pacer, SinkId(sink), 1, cls=cls)
    assert [what for _, what in drain(pacer, 1_000_000)] == ["1/0", "2/0", "3/0"]


def test_a_late_call_is_not_repaid_as_a_burst():
    pacer = Pacer[str](RATE)
    fill(pacer, ONE, 40)
    assert len(list(pacer.take(0))) == 1
    assert len(list(pacer.take(200_000))) == 2


def test_a_thumbnail_that_waited_too_long_is_dropped_whole_and_its_sink_told():
    pacer = Pacer[str](100_000)
    fill(pacer, ONE, 5, cls=THUMBNAIL)
    late = PATIENCE_US[THUMBNAIL] + 1
    list(pacer.take(0))
    assert [one.packet for one in pacer.take(late)] == []
    assert list(pacer.poll()) == [Starved(ONE, 4)]
    assert pacer.dropped == 4
    assert len(pacer) == 0


def test_a_full_queue_gives_up_the_stalest_of_the_least_important():
    pacer = Pacer[str](RATE)
    fill(pacer, ONE, WAITING_MAX // 2, now_us=0)
    fill(pacer, TWO, WAITING_MAX // 2, now_us=5, cls=THUMBNAIL)
    pacer.put(MAIN, ONE, PACKET, "one more", 10)
    assert [one.sink for one in pacer.poll()] == [TWO]
    assert len(pacer) == WAITING_MAX // 2 + 1


def test_what_waits_for_a_closed_sink_is_forgotten_without_a_word():
    pacer = Pacer[str](RATE)
    fill(pacer, ONE, 3)
    pacer.forget(ONE)
    assert len(pacer) == 0
    assert list(pacer.poll()) == []


def test_speech_beyond_the_pace_owes_nothing_for_long():
    """A minute of speech at twice the pace, then the line is back: a picture leaves at once."""
    pacer = Pacer[str](50_000)
    for now_us in range(0, 60_000_000, 20_000):
        pacer.charge(VOICE, now_us)
    pacer.rate_bps = RATE
    fill(pacer, ONE, 1, now_us=60_000_000)
    assert pacer.deadline_us is not None
    assert pacer.deadline_us < 60_000_000 + 500_000


def test_a_key_frame_of_60_kilobytes_never_holds_up_speech():
    """Opus each 20 ms beside a key frame: on the bare line speech waits 267 ms, here one packet."""
    line = AccessLine(2_000_000, PPPOA)
    pacer = Pacer[int](RATE)
    for _ in range(50):
        pacer.put(MAIN, ONE, PACKET, 1228, 0)
    worst_us = 0
    for now_us in range(0, 500_000, 250):
        if now_us % 20_000 == 0:
            worst_us = max(worst_us, line.queue_us(now_us))
            line.send(122, now_us)
            pacer.charge(VOICE, now_us)
        for one in pacer.take(now_us):
            line.send(one.packet, now_us)
    assert len(pacer) == 0
    assert worst_us < 7_000
    assert line.worst_queue_us < 10_000
    assert line.dropped == 0


steps = st.lists(
    st.tuples(
        st.integers(0, 30_000),
        st.sampled_from(["voice", "main", "thumbnail", "wake"]),
        st.integers(1, 12),
    ),
    max_size=120,
)


@given(steps, st.sampled_from([150_000, 1_000_000, 1_900_000]))
def test_never_above_the_line_but_for_two_packets_and_what_speech_takes(script, rate):
    pacer, now_us, sent, voices = Pacer[int](rate), 0, [], []
    for pause_us, what, count in script:
        now_us += pause_us
        if what == "voice":
            pacer.charge(VOICE, now_us)
            voices.append((now_us, VOICE))
        elif what != "wake":
            for _ in range(count):
                cls = MAIN if what == "main" else THUMBNAIL
                pacer.put(cls, SinkId(cls), PACKET, PACKET, now_us)
        sent += [(now_us, one.line_bytes) for one in pacer.take(now_us)]
    for begin, _ in sent:
        window = [size for at, size in sent if begin <= at <= begin + 100_000]
        assert sum(window) <= rate * 0.1 / 8 + 2 * PACKET
    charged = sum(size for _, size in sent) + sum(size for _, size in voices)
    assert pacer.sent_bytes == charged


@given(steps)
def test_everything_put_leaves_once_or_is_counted_as_dropped(script):
    pacer, now_us, put, left = Pacer[int](1_000_000), 0, 0, Counter[int]()
    for pause_us, what, count in script:
        now_us += pause_us
        for _ in range(count if what in ("main", "thumbnail") else 0):
            pacer.put(THUMBNAIL if what == "thumbnail" else MAIN, ONE, PACKET, put, now_us)
            put += 1
        left.update(one.packet for one in pacer.take(now_us))
    assert set(left.values()) <= {1}
    assert put == len(left) + pacer.dropped + len(pacer)
    assert sum(one.packets for one in pacer.poll()) == pacer.dropped
