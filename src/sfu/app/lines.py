"""Access lines as operators and scrapes see them."""

from collections import Counter

from sfu.api.view import AdmissionView, LineView, PictureView
from sfu.config import Line
from sfu.media.allocation.admission import Adds
from sfu.media.allocation.encapsulation import Encapsulation
from sfu.media.allocation.event import Demand
from sfu.media.engine.snapshot import LineRow, Snapshot
from sfu.metrics import LineFigures
from sfu.model import LineId
from sfu.shell.admission import Verdict, adds_of
from sfu.shell.house import House
from sfu.shell.leg import Leg
from sfu.shell.lines import AccessLine
from sfu.shell.sharing import Sharing
from sfu.shell.voices import PRESUMED, USUAL_EXTENSIONS, of_browser

OUTCOMES = ("full", "sound_only", "refused")


def views(house: House) -> list[LineView]:
    """Show all configured lines."""
    behind = house.sharing.by_line()
    pairs = zip(house.settings.line, house.lines, strict=True)
    return [_view(house, setting, line, behind[line.line]) for setting, line in pairs]


def what_if(house: House, name: str, codecs: int, browsers: int) -> AdmissionView | None:
    """Say what would become of so many calls more behind a line."""
    line = next((one for one in house.lines if one.name == name), None)
    if line is None:
        return None
    return _verdict(house.sharing.weigh_all(line, _more(line.encapsulation, codecs, browsers)))


def figures(house: House) -> tuple[LineFigures, ...]:
    """Show all configured lines to a scrape."""
    sharing, behind = house.sharing, house.sharing.by_line()
    return tuple(_figures(sharing, line, house.snapshot, behind[line.line]) for line in house.lines)


def _view(house: House, setting: Line, line: AccessLine, behind: list[Leg]) -> LineView:
    sharing = house.sharing
    estimate = sharing.estimates.of(line.line)
    cells = line.encapsulation
    voices = [leg.voices() for leg in behind]
    return LineView(
        line.name,
        line.site,
        line.server,
        setting.up_bps,
        setting.down_bps,
        setting.framing.value,
        setting.overhead,
        tuple(leg.member for leg in behind),
        estimate.capacity_bps,
        sharing.pace_of(line.line),
        estimate.congested,
        sum(cells.line_bps(s.ip_bytes, s.packets_per_s) for one in voices for s in one.down),
        sum(cells.line_bps(s.ip_bytes, s.packets_per_s) for one in voices for s in one.up),
        tuple(_picture(sharing, demand) for demand in sharing.demands(line.line)),
        _verdict(sharing.weigh_all(line, _more(cells, 1, 0))),
        _verdict(sharing.weigh_all(line, _more(cells, 0, 1))),
    )


def _picture(sharing: Sharing, demand: Demand) -> PictureView:
    give = sharing.gives.get(demand.sink)
    if give is None:
        return PictureView(demand.viewer, demand.member, "full", 0, 0, "room")
    why = give.reason
    return PictureView(
        demand.viewer, demand.member, give.rung.value, why.required_bps, why.available_bps,
        why.why.value,
    )  # fmt: skip


def _more(cells: Encapsulation, codecs: int, browsers: int) -> list[Adds]:
    page = of_browser(USUAL_EXTENSIONS, hears_mix=False, ipv6=False)
    return [
        *[adds_of(PRESUMED, cells, browser=False, sees=True, shows=True)] * codecs,
        *[adds_of(page, cells, browser=True, sees=True, shows=True)] * browsers,
    ]


def _verdict(verdict: Verdict) -> AdmissionView:
    one = verdict.admission
    return AdmissionView(one.admitted.value, one.required_bps, one.available_bps, one.why.value)


def _figures(
    sharing: Sharing, line: AccessLine, snapshot: Snapshot | None, behind: list[Leg]
) -> LineFigures:
    number = line.line
    row = snapshot.lines.get(number) if snapshot is not None else None
    row = row or LineRow(number, 0, 0, 0, 0, 0, 0, 0, 0)
    estimate, tally = sharing.estimates.of(number), sharing.tallies[number]
    up = sharing.upward.of(number)
    return LineFigures(
        site=line.site,
        name=line.name,
        send_bps=line.send_bps or 0,
        receive_bps=line.receive_bps or 0,
        estimate_bps=estimate.capacity_bps,
        estimate_up_bps=up.capacity_bps if up is not None else line.receive_bps or 0,
        paced_bps=sharing.pace_of(number),
        wanted_bps=sharing.wants.get(number, 0),
        queue_s=estimate.queue_s,
        worst_wait_s=sharing.estimates.worst_wait_s(number),
        waiting_bytes=row.waiting_bytes,
        members=Counter(leg.protocol for leg in behind),
        sent_bytes={
            "sound": row.sound_bytes,
            "picture": row.sent_bytes - row.sound_bytes - row.probe_bytes,
            "probe": row.probe_bytes,
        },
        received_bytes=row.received_bytes,
        dropped=row.dropped_packets,
        starved=sharing.starved(number),
        probes=sharing.estimates.probes(number),
        cuts=sharing.estimates.cuts(number),
        steps={"down": tally.steps_down, "up": tally.steps_up},
        stopped=tally.pictures_stopped,
        pictures=_rungs(sharing, number),
        admissions={one: sharing.admissions[number, one] for one in OUTCOMES},
        twice=sharing.protection.of(number),
    )


def _rungs(sharing: Sharing, line: LineId) -> dict[tuple[str, str], int]:
    views = [_picture(sharing, demand) for demand in sharing.demands(line)]
    return Counter((one.rung, one.why) for one in views)
