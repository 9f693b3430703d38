"""What a scrape shows of H.323: connections, our gatekeeper."""

from collections.abc import Iterator

from prometheus_client.core import Metric

from sfu.metrics.family import counter, gauge
from sfu.metrics.readings import Readings

REQUESTS = ("grq", "rrq", "arq", "brq", "drq", "urq", "lrq", "irr", "other", "unreadable")
OUTCOMES = ("confirmed", "rejected", "ignored")


def h323(readings: Readings) -> Iterator[Metric]:
    """Yield the families of H.323."""
    yield gauge(
        "sfu_h323_connections",
        "TCP connections of H.323: calls' signalling and H.245.",
        [((), readings.h323_connections)],
    )
    yield gauge(
        "sfu_h323_registrations",
        "Endpoints registered at our gatekeeper.",
        [((), readings.h323_registrations)],
    )
    yield counter(
        "sfu_h323_ras_messages",
        "Requests to our gatekeeper, by what became of them.",
        [
            ((request, outcome), readings.ras_messages.get((request, outcome), 0))
            for request in REQUESTS
            for outcome in OUTCOMES
        ],
        ["request", "outcome"],
    )
    member = readings.h323_member
    yield gauge(
        "sfu_h323_member_registered",
        "1 while our registration at a foreign gatekeeper holds.",
        [] if member is None else [((), float(member[0]))],
    )
    yield counter(
        "sfu_h323_member_failures",
        "Tries without a registration at a foreign gatekeeper, and registrations lost.",
        [] if member is None else [((), float(member[1]))],
    )
