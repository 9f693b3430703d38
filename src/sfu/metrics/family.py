"""Families of samples, as Prometheus reads them."""

from collections.abc import Iterable, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

Samples = Iterable[tuple[tuple[str, ...], float]]
"""(label values, value)."""


def labelled(values: Mapping[str, float]) -> Samples:
    """Label each value with its key."""
    return [((label,), value) for label, value in values.items()]


def gauge(name: str, text: str, samples: Samples, labels: Iterable[str] = ()) -> Metric:
    """Make a family of what may fall."""
    family = GaugeMetricFamily(name, text, labels=list(labels))
    for values, number in samples:
        family.add_metric(list(values), number)
    return family


def counter(name: str, text: str, samples: Samples, labels: Iterable[str] = ()) -> Metric:
    """Make a family of what only grows."""
    family = CounterMetricFamily(name, text, labels=list(labels))
    for values, number in samples:
        family.add_metric(list(values), number)
    return family
