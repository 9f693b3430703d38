"""N-1: everybody hears all the others and never himself.

One sum for a room, and each listener's own row taken off again::

    rows      a   b   c                 cost of a room of n: 2 n rows added,
    total     a + b + c                 not n (n - 1)
    for a     total - a
    for b     total - b
    muted d   total

32-bit sums of 16-bit rows are exact, so taking a row off leaves nothing of it behind.  Only the
way back to 16 bits can change a sample, and only a loud one: `soften`.
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import Final

import numpy as np

from sfu.media.mix import Samples, Sums

KNEE: Final = 24_576
"""Samples up to here (-2.5 dBov) pass bit for bit; louder ones are bent, none is cut."""
_ROOM: Final = 32_767 - KNEE


def minus_own(frames: Samples) -> Sums:
    """Return (n, samples) sums of (n, samples) frames, each without its own row."""
    total = frames.sum(axis=0, dtype=np.int32)
    return np.asarray(total - frames, dtype=np.int32)


def soften(sums: Sums) -> Samples:
    """Return sums as 16-bit samples: a smooth curve above `KNEE` that never reaches the end."""
    size = np.abs(sums)
    loud = size > KNEE
    if loud.any():
        over = size[loud].astype(np.int64) - KNEE
        bent = KNEE + (_ROOM * over) // (_ROOM + over)
        sums = sums.copy()
        sums[loud] = np.sign(sums[loud]) * bent
    return sums.astype(np.int16)


class Plan:
    """Which rows make up which sum: drawn when membership changes, followed each 20 ms.

    Sums that share a row belong to one room; a sum that lacks none or one of its room's rows is
    the room's total less that row, any other is added up by itself.
    """

    def __init__(self, wanted: Sequence[frozenset[int]], rows: int) -> None:
        """Plan one sum per set of row numbers; all rows are below `rows`."""
        rooms = _rooms(wanted)
        number = {row: index for index, room in enumerate(rooms) for row in room}
        order = [row for room in rooms for row in sorted(room)]
        starts = list(accumulate((len(room) for room in rooms[:-1]), initial=0)) if rooms else []
        self._order = np.array(order, dtype=np.intp)
        self._starts = np.array(starts, dtype=np.intp)
        self._room = np.full(len(wanted), len(rooms), dtype=np.intp)
        self._own = np.full(len(wanted), rows, dtype=np.intp)
        self._apart: list[tuple[int, np.ndarray[tuple[int], np.dtype[np.intp]]]] = []
        for index, inputs in enumerate(wanted):
            if not inputs:
                continue  # the silent room, the silent row
            room = rooms[number[next(iter(inputs))]]
            missing = room - inputs
            if len(missing) > 1:
                self._apart.append((index, np.array(sorted(inputs), dtype=np.intp)))
                continue
            self._room[index] = number[next(iter(inputs))]
            self._own[index] = next(iter(missing), rows)

    def sums(self, frames: Samples) -> Sums:
        """Return (sums, samples) from (rows + 1, samples), whose last row is silence."""
        silence = np.zeros((1, frames.shape[1]), dtype=np.int32)
        if self._order.size:
            gathered = frames[self._order].astype(np.int32)
            totals = np.concatenate([np.add.reduceat(gathered, self._starts, axis=0), silence])
        else:
            totals = silence
        out = np.asarray(totals[self._room] - frames[self._own], dtype=np.int32)
        for index, rows in self._apart:
            out[index] = frames[rows].sum(axis=0, dtype=np.int32)
        return out


def _rooms(wanted: Sequence[frozenset[int]]) -> list[frozenset[int]]:
    """Return the rows that meet, directly or through others."""
    rooms: list[set[int]] = []
    for inputs in sorted(set(wanted), key=sorted):
        if not inputs:
            continue
        met = [room for room in rooms if room & inputs]
        rooms = [room for room in rooms if not room & inputs]
        rooms.append(set(inputs).union(*met))
    return [frozenset(room) for room in rooms]
