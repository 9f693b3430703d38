"""Samples as families: labels in their order, counters with their ending."""

from sfu.metrics.family import counter, gauge, labelled


def test_a_gauge_keeps_labels_in_their_order():
    family = gauge("sfu_a", "Text.", [(("x", "y"), 2.0)], ["one", "two"])
    assert family.samples[0].labels == {"one": "x", "two": "y"}
    assert (family.samples[0].value, family.documentation) == (2.0, "Text.")


def test_a_counter_is_told_as_a_total():
    assert counter("sfu_b", "Text.", [((), 3)]).samples[0].name == "sfu_b_total"


def test_values_are_labelled_by_their_keys():
    assert labelled({"a": 1.0, "b": 2.0}) == [(("a",), 1.0), (("b",), 2.0)]
