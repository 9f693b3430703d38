"""axe-core, as npm publishes it (MPL 2.0), brought by the test dependency axe-playwright-python."""

from functools import cache
from importlib.resources import files

from playwright.sync_api import Page

GRAVE = ("serious", "critical")


@cache
def _script() -> str:
    return files("axe_playwright_python").joinpath("axe.min.js").read_text()


def faults(page: Page) -> list[str]:
    """List what axe finds of serious and critical faults on a page as it stands now."""
    if not page.evaluate("typeof window.axe === 'object'"):
        page.evaluate(_script())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [
        f"{one['impact']} {one['id']}: {one['help']}: {node['html'][:200]}"
        for one in found
        if one["impact"] in GRAVE
        for node in one["nodes"]
    ]
