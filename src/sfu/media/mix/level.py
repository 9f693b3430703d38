"""How loud a frame is, as RFC 6464 and RFC 6465 count it: 0 dBov loudest, 127 silence.

0 is a square wave at full scale; a sine at full scale has 3.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from sfu.media.mix import Samples

SILENT: Final = 127
QUIET: Final = 50
"""At this level and below nobody speaks: frames may be left out or put in unheard."""


def dbov(frames: Samples) -> npt.NDArray[np.uint8]:
    """Return the level of each row of (rows, samples) as a number from 0 to 127."""
    rows = frames.astype(np.float32)
    power = np.einsum("ij,ij->i", rows, rows) / (max(1, rows.shape[1]) * 32768.0**2)
    level = -10.0 * np.log10(np.maximum(power, 10.0 ** (-SILENT / 10)))
    return np.asarray(np.rint(np.maximum(level, 0)), dtype=np.uint8)
