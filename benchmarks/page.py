"""Puts what a benchmark found into docs/performance.md, between its marks.

::

    <!-- forward -->   ...table and plot, written anew by `--docs`...   <!-- end -->
"""

import re
import shutil
from pathlib import Path

from benchmarks.machine import ROOT

PAGE = ROOT / "docs" / "performance.md"


def put(name: str, text: str, plot: Path, caption: str, page: Path = PAGE) -> None:
    """Replace the part between a benchmark's marks; the plot goes to `images` beside the page.

    Raises LookupError where the page has no marks for it.
    """
    before = page.read_text()
    pattern = re.compile(rf"(<!-- {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
    if not pattern.search(before):
        raise LookupError(f"{page.name} has no <!-- {name} -->")
    shutil.copyfile(plot, page.parent / "images" / f"{name}.svg")
    part = f"\n{text}\n\n![{caption}](images/{name}.svg)\n"
    page.write_text(pattern.sub(lambda found: f"{found[1]}{part}\n{found[2]}", before))
