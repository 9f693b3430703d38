"""Many sounds into one: jitter buffer, concealment, N-1 sums, levels, tones.  Pure.

Everything here is mono, 16-bit, 16 kHz: the width of G.722, which is what rooms speak.  Opus is
decoded and encoded at that rate by libopus itself, G.711 is doubled and halved by `resample`.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]
"""Shape (n,), or (rows, n): 16 kHz PCM."""
Sums = npt.NDArray[np.int32]

RATE_HZ: Final = 16_000
FRAME: Final = 320
"""Samples in the 20 ms the mixer works by."""
