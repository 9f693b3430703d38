"""Half the pictures of a stream for one viewer: its upper temporal layer is left out for him.

::

    L1T3   T0 .. T2 .. T1 .. T2 .. T0      all: 25 a second, the whole rate
           T0 ........ T1 ........ T0      half: 12.5 a second, 0.6 of the rate
    L1T2   T0 .. T1 .. T0 .. T1 .. T0      half: T0, 0.6 of the rate

What is left out is referred to by nothing that is sent (RFC 7741 section 4.2, TID): it costs no key
frame.  libvpx gives the layers of L1T3 0.4, 0.2 and 0.4 of the rate, those of L1T2 0.6 and 0.4.
"""

from sfu.media.allocation.cost import Cost

ALL = 7
PART = 0.65
"""Of the rate half the pictures take: 0.6, and what an encoder is off."""
HOLD_S = 0.5
"""So long half goes on after a plan gave all: lines that wander by little do not flicker."""


def highest(temporals: int, *, halved: bool) -> int:
    """Return the highest temporal layer to be forwarded of a stream of so many."""
    return temporals - 2 if halved and temporals > 1 else ALL


def half(price: Cost) -> Cost:
    """Return what half the pictures cost, by the payload of all of them."""
    return Cost(PART * price.thin_slope, price.thin_base / 2, PART * price.slope, price.base / 2)
