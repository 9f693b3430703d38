"""What an H.263 or H.261 payload format promises, and what we answer (RFC 4629 8.1, RFC 4587).

Sizes carry the least picture interval: CIF=2 is every second of 29.97 pictures.  Odd sizes come
as CUSTOM=w,h,mpi, or as Huawei's XMAX, YMAX, MPI, counted in 4 pixels.  MAXBR counts 100 bit/s.

An answer names one size and no annex: nothing is scaled or transcoded here, so what one unit sends
another must show as it is, and CIF is on all of them.
"""

from dataclasses import dataclass

from sfu.model import Codec
from sfu.signalling.sdp.format import Format
from sfu.signalling.sdp.session import number

SIZES = {
    "sqcif": (128, 96),
    "qcif": (176, 144),
    "cif": (352, 288),
    "cif4": (704, 576),
    "cif16": (1408, 1152),
}
MAX_MPI = 32
SHARED = ("cif", "qcif")
"""What is answered: the first of these that is offered, else the last, which everybody decodes."""
OLD_PICTURES = (Codec.H263, Codec.H263_1998, Codec.H261)
"""In the order we answer them: PT 34 stands in every offer that has any of them."""
Size = tuple[int, int, int]
"""Width, height, MPI."""


@dataclass(frozen=True, slots=True)
class H263Limits:
    """Pictures an H.263 decoder takes."""

    sizes: tuple[Size, ...]
    """Pictures a second are 29.97 / MPI."""
    max_bps: int
    """0: no limit told."""


def h263_limits_of(form: Format) -> H263Limits:
    """Read what can be read; a format without parameters takes QCIF."""
    sizes = []
    for key, value in form.parameters[:64]:
        mpi = number(value, 1, MAX_MPI)
        if key in SIZES and mpi is not None:
            sizes.append((*SIZES[key], mpi))
        elif key == "custom":
            sizes.extend(_custom(value))
    wide, high, mpi = (form.number(key, 1, 4_096) for key in ("xmax", "ymax", "mpi"))
    if wide and high and mpi:
        sizes.append((wide * 4, high * 4, mpi))
    max_bps = (form.number("maxbr", 1, 10**7) or 0) * 100
    return H263Limits(tuple(sizes) or ((*SIZES["qcif"], 1),), max_bps)


def shared_size(form: Format) -> Size:
    """Return the one size both ways, with the shortest interval the unit takes it at."""
    offered = {(wide, high): mpi for wide, high, mpi in h263_limits_of(form).sizes}
    size = next((SIZES[name] for name in SHARED if SIZES[name] in offered), SIZES[SHARED[-1]])
    return (*size, offered.get(size, 1))


def own_fmtp(form: Format, *, max_br_kbps: int) -> str:
    """Write the parameters of an answer: that size, and our rate where they count so."""
    wide, high, mpi = shared_size(form)
    name = next(name for name, size in SIZES.items() if size == (wide, high))
    told = h263_limits_of(form).max_bps
    limit = min(told, max_br_kbps * 1_000) // 100
    return f"{name.upper()}={mpi}" + (f";MAXBR={limit}" if told else "")


def _custom(value: str) -> list[Size]:
    words = [number(word, 1, 4_096) for word in value.split(",")]
    if len(words) == 3 and words[0] and words[1] and words[2]:
        return [(words[0], words[1], words[2])]
    return []
