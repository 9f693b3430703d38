"""Pages in a real Chromium, whose faults fail the test: errors of scripts, and of the console."""

from collections.abc import Iterator

from playwright.sync_api import Browser, Page


def visit(chromium: Browser, locale: str, width: int = 1280, height: int = 900) -> Iterator[Page]:
    """Open a page of this language and size; close it behind the test."""
    context = chromium.new_context(locale=locale, viewport={"width": width, "height": height})
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "console",
        lambda said: (
            wrong.append(said.text)
            if said.type == "error" and "Failed to load" not in said.text
            and "WebSocket" not in said.text and "ERR_" not in said.text
            else None
        ),
    )  # fmt: skip
    yield page
    context.close()
    assert wrong == []
