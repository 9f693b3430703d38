"""One rate shared among lines that meet in it: the server's own line, and all behind it."""

from collections.abc import Iterable

from sfu.model import LineId


def share(total_bps: int, wanted: Iterable[tuple[LineId, int]]) -> dict[LineId, int]:
    """Return what each line gets of the whole.

    Nobody gets less than another that wants as much, and nobody more than it wants while another
    has less; what nobody wants is spread evenly, so that who wants more soon finds room.
    """
    waiting = sorted(wanted, key=lambda pair: pair[1])
    given: dict[LineId, int] = {}
    rest = total_bps
    for number, (line, bps) in enumerate(waiting):
        given[line] = min(bps, rest // (len(waiting) - number))
        rest -= given[line]
    return {line: bps + rest // len(given) for line, bps in given.items()}
