"""Lines on /metrics: what they bear, carry and drop, and who has less than he wants."""

import pytest

from sfu.metrics import Metrics
from tests.metrics.test_collector import READINGS, scrape

MOREZ = "line=morez-2,site=morez"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (f"sfu_line_capacity_bps{{direction=send,{MOREZ}}}", 2_000_000),
        (f"sfu_line_capacity_bps{{direction=receive,{MOREZ}}}", 1_000_000),
        (f"sfu_line_estimate_bps{{{MOREZ}}}", 1_400_000),
        (f"sfu_line_estimate_up_bps{{{MOREZ}}}", 900_000),
        (f"sfu_line_paced_bps{{{MOREZ}}}", 1_330_000),
        (f"sfu_line_wanted_bps{{{MOREZ}}}", 1_700_000),
        (f"sfu_line_queue_seconds{{{MOREZ}}}", 0.012),
        (f"sfu_line_pacer_wait_seconds{{{MOREZ}}}", 0.04),
        (f"sfu_line_sent_bytes_total{{class=sound,{MOREZ}}}", 10),
        (f"sfu_line_sent_bytes_total{{class=probe,{MOREZ}}}", 5),
        (f"sfu_line_dropped_packets_total{{{MOREZ}}}", 3),
        (f"sfu_line_starved_total{{{MOREZ}}}", 2),
        (f"sfu_line_probes_total{{{MOREZ}}}", 1),
        (f"sfu_line_cuts_total{{{MOREZ}}}", 4),
        (f"sfu_line_steps_total{{direction=down,{MOREZ}}}", 6),
        ("sfu_line_members{line=morez-2,protocol=sip,site=morez}", 1),
        ("sfu_line_pictures{line=morez-2,rung=small,site=morez,why=line_down}", 2),
        ("sfu_line_admissions_total{line=morez-2,outcome=refused,site=morez}", 1),
    ],
)
def test_a_line_is_told_by_site_and_name(name, value):
    page = {_sorted(key): number for key, number in scrape(Metrics(lambda: READINGS)).items()}
    assert page[name] == value


def _sorted(key: str) -> str:
    name, _, labels = key.rstrip("}").partition("{")
    return f"{name}{{{','.join(sorted(labels.split(',')))}}}"
