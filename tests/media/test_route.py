from hypothesis import given
from hypothesis import strategies as st

from sfu.media.engine.command import SetRoute
from sfu.media.engine.snapshot import SinkRow
from sfu.media.route import RouteTable
from sfu.model import Kind, SinkId, SourceId, Ssrc, TransportId

PICTURE, OTHER, SOUND = SinkId(1), SinkId(2), SinkId(3)
ALICE, BOB = SourceId(11), SourceId(12)


def table() -> RouteTable:
    routes = RouteTable()
    routes.add(PICTURE, Kind.VIDEO)
    routes.add(OTHER, Kind.VIDEO)
    routes.add(SOUND, Kind.AUDIO)
    return routes


def row(sink: SinkId, source: SourceId | None, *, waiting: bool) -> SinkRow:
    return SinkRow(sink, TransportId(1), source, waiting, Ssrc(1), 0, 0, 0, 0, 0, 0, 0, 0)


def want(routes: RouteTable, wishes: dict[SinkId, SourceId | None]) -> None:
    for sink, source in wishes.items():
        routes.want(sink, source)


def test_a_new_sink_carries_nothing_and_needs_no_command():
    assert table().diff() == []


def test_only_changes_become_commands():
    routes = table()
    want(routes, {PICTURE: ALICE, OTHER: None, SOUND: ALICE})
    assert routes.diff() == [SetRoute(PICTURE, ALICE), SetRoute(SOUND, ALICE)]
    want(routes, {PICTURE: BOB, OTHER: None, SOUND: ALICE})
    assert routes.diff() == [SetRoute(PICTURE, BOB)]
    assert routes.diff() == []


def test_a_wish_taken_back_before_the_diff_is_never_told():
    routes = table()
    routes.want(PICTURE, ALICE)
    routes.want(PICTURE, None)
    assert routes.diff() == []


def test_a_picture_sink_waits_for_a_key_frame_and_a_sound_sink_does_not():
    routes = table()
    want(routes, {PICTURE: ALICE, SOUND: BOB})
    routes.diff()
    assert routes.keyframes_wanted() == {(PICTURE, ALICE)}
    routes.keyframe_passed(ALICE)
    assert routes.keyframes_wanted() == frozenset()


def test_a_key_frame_that_began_before_the_command_is_found_out_by_the_snapshot():
    routes = table()
    routes.want(PICTURE, ALICE)
    routes.diff()
    routes.keyframe_passed(ALICE)
    routes.observe([row(PICTURE, None, waiting=True)])
    assert routes.keyframes_wanted() == {(PICTURE, ALICE)}
    routes.observe([row(PICTURE, ALICE, waiting=False)])
    assert routes.keyframes_wanted() == frozenset()


def test_a_sink_that_began_with_the_last_key_frame_waits_for_none_and_others_do():
    routes = table()
    want(routes, {PICTURE: ALICE, OTHER: ALICE})
    routes.diff()
    routes.served([PICTURE])
    assert routes.keyframes_wanted() == {(OTHER, ALICE)}


def test_a_snapshot_older_than_the_command_ends_no_waiting():
    routes = table()
    routes.want(PICTURE, ALICE)
    routes.diff()
    routes.observe([row(PICTURE, BOB, waiting=False)])
    assert routes.keyframes_wanted() == {(PICTURE, ALICE)}


def test_a_closed_source_leaves_its_sinks_empty_without_a_command():
    routes = table()
    want(routes, {PICTURE: ALICE, OTHER: BOB})
    routes.diff()
    routes.forget_source(ALICE)
    assert routes.diff() == []
    assert routes.source_of(PICTURE) is None
    assert routes.keyframes_wanted() == {(OTHER, BOB)}


def test_a_closed_sink_is_never_spoken_of_again():
    routes = table()
    routes.want(PICTURE, ALICE)
    routes.diff()
    routes.forget_sink(PICTURE)
    routes.want(PICTURE, BOB)
    routes.observe([row(PICTURE, BOB, waiting=True)])
    assert routes.diff() == []
    assert routes.keyframes_wanted() == frozenset()


sinks = st.sampled_from([PICTURE, OTHER, SOUND])
sources = st.sampled_from([ALICE, BOB])
steps = st.one_of(
    st.tuples(st.just("want"), sinks, st.none() | sources),
    st.tuples(st.just("forget"), sources, st.none()),
    st.tuples(st.just("diff"), st.none(), st.none()),
)


@given(st.lists(steps, max_size=40))
def test_the_engine_that_obeys_the_diffs_carries_what_was_wanted_last(script):
    routes = table()
    engine: dict[SinkId, SourceId | None] = {}
    wanted: dict[SinkId, SourceId | None] = {}
    for what, subject, source in [*script, ("diff", None, None)]:
        if what == "want":
            routes.want(subject, source)
            wanted[subject] = source
        elif what == "forget":
            routes.forget_source(subject)
            engine = {s: None if carried == subject else carried for s, carried in engine.items()}
            wanted = {s: None if carried == subject else carried for s, carried in wanted.items()}
        else:
            engine |= {route.sink: route.source for route in routes.diff()}
    for sink in (PICTURE, OTHER, SOUND):
        assert engine.get(sink) == wanted.get(sink) == routes.source_of(sink)


def test_fewer_temporal_layers_of_the_same_stream_are_told_and_need_no_key_frame():
    routes = table()
    routes.want(PICTURE, ALICE)
    routes.diff()
    routes.keyframe_passed(ALICE)
    routes.want(PICTURE, ALICE, 0)
    assert routes.diff() == [SetRoute(PICTURE, ALICE, 0)]
    assert routes.diff() == []
    assert routes.keyframes_wanted() == frozenset()
    routes.want(PICTURE, ALICE)
    assert routes.diff() == [SetRoute(PICTURE, ALICE, 7)]


def test_layers_of_a_sink_that_carries_nothing_are_no_news():
    routes = table()
    routes.want(PICTURE, None, 0)
    assert routes.diff() == []
