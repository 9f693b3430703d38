"""How setuptools builds `sfu._native`: the calls of engine.h, bound by cffi in API mode."""

from pathlib import Path

from cffi import FFI

NATIVE = Path(__file__).resolve().parent if "__file__" in globals() else Path("native")
SOURCES = sorted(f"native/{source.name}" for source in NATIVE.glob("*.c"))
CALLS = (NATIVE / "engine.h").read_text().split("/* The calls.", 1)[1].rsplit("#endif", 1)[0]

builder = FFI()
builder.cdef("/*" + CALLS)
builder.set_source(
    "sfu._native",
    '#include "engine.h"',
    sources=SOURCES,
    include_dirs=["native"],
    libraries=["crypto"],
    extra_compile_args=["-std=gnu11", "-O2", "-flto=auto", "-ffp-contract=off", "-Wall"],
    extra_link_args=["-O2", "-flto=auto"],
)
