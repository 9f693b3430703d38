"""Bookings as a scrape sees them; labels are words of docs/bookings.md."""

from collections.abc import Iterator

from prometheus_client.core import Metric

from sfu.metrics.family import counter, gauge, labelled
from sfu.metrics.readings import BookingFigures


def bookings(figures: BookingFigures) -> Iterator[Metric]:
    """Yield the families of bookings."""
    yield gauge("sfu_bookings", "Bookings that are not cancelled.", [((), figures.bookings)])
    yield counter(
        "sfu_booking_answers", "Wishes for rooms, by answer.", labelled(figures.answers), ["reason"]
    )
    yield counter(
        "sfu_booking_steps", "What was done at the hour.", labelled(figures.steps), ["step"]
    )
