"""What is asked of senders, how packets are marked, what one server takes."""

from typing import Annotated

from annotated_types import Ge, Le

from sfu.config.section import section


@section
class Media:
    """What is asked of senders, and what the machine gives."""

    mix_workers: Annotated[int, Ge(0), Le(1)] = 1
    """The process that decodes and mixes sound; 0: forward only, room codecs hear one voice."""
    gso: bool = True
    """Hand the kernel several packets in one go; off for captures."""
    video_bps: Annotated[int, Ge(64_000), Le(20_000_000)] = 1_350_000
    """Most that is asked of one sender's picture."""
    video_fs: Annotated[int, Ge(99), Le(8160)] = 3600
    """Largest picture in macroblocks of 16 x 16: 3600 is 1280 x 720."""
    forwarded_sounds: Annotated[int, Ge(0), Le(3)] = 3
    """Loudest members a browser hears untouched; 0: the mix."""
    sound_twice: bool = True
    """Send browsers' sound twice over where a line loses packets and has room (RFC 2198)."""


@section
class Marks:
    """DSCP values written on each packet sent (RFC 2474); 0: not marked."""

    sound: Annotated[int, Ge(0), Le(63)] = 46
    """Expedited forwarding: a router with such a queue lets speech pass."""
    picture: Annotated[int, Ge(0), Le(63)] = 34
    slides: Annotated[int, Ge(0), Le(63)] = 26
    other: Annotated[int, Ge(0), Le(63)] = 24
    """Reports, checks of addresses, key exchange."""


@section
class Limits:
    """What one server takes."""

    max_members: Annotated[int, Ge(2), Le(500)] = 40
    """Members of one room."""
    max_calls: Annotated[int, Ge(2), Le(10_000)] = 500
    vanish_s: Annotated[float, Ge(5), Le(600)] = 40.0
    """A member that sends nothing at all is gone after this time."""
