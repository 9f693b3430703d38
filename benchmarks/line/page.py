"""Puts what was measured into docs/performance.md: tables between marks, a plot of each system.

::

    <!-- line browsers -->   ...tables and plots, written anew by `--docs`...   <!-- end -->
"""

import re
import shutil
from pathlib import Path

from benchmarks.machine import ROOT

PAGE = ROOT / "docs" / "performance.md"
IMAGES = ROOT / "docs" / "images"


def put(text: str, variant: str, plots: dict[str, Path], page: Path = PAGE) -> None:
    """Replace a variant's part; `plots`: by system the run to be shown.

    Raises LookupError where the page has no marks for it.
    """
    before = page.read_text()
    pattern = re.compile(rf"(<!-- line {variant} -->\n).*?(<!-- end -->)", re.DOTALL)
    if not pattern.search(before):
        raise LookupError(f"{page.name} has no <!-- line {variant} -->")
    shown = []
    for name, path in plots.items():
        image = IMAGES / f"line-{name}{'' if variant == 'browsers' else f'-{variant}'}.svg"
        shutil.copyfile(path, page.parent / "images" / image.name)
        shown.append(f"![{name} on the line, {variant}](images/{image.name})\n")
    part = "\n".join([text, *shown])
    page.write_text(pattern.sub(lambda found: f"{found[1]}\n{part}\n{found[2]}", before))
