"""The report in a real Chromium, before a house whose ledger is written down."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from sfu.ledger import By, Row
from tests.web.stage import CHROMIUM, FLAGS, Stage, on_stage

pytestmark = pytest.mark.interop

SHOT = Path(__file__).parents[2] / "docs" / "images" / "report.png"
"""Made anew where SFU_SCREENSHOTS is set."""
DAYS = "?from=2026-01-01&to=2026-12-31"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def url(stage: Stage) -> Iterator[str]:
    with on_stage(stage) as address:
        yield address


def visit(chromium: Browser, locale: str, width: int = 1024) -> Iterator[Page]:
    context = chromium.new_context(locale=locale, viewport={"width": width, "height": 900})
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "console",
        lambda said: (
            wrong.append(said.text)
            if said.type == "error" and "Failed to load resource" not in said.text
            else None
        ),
    )
    yield page
    context.close()
    assert wrong == []


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    yield from visit(chromium, "fr-FR")


@pytest.fixture
def english(chromium: Browser) -> Iterator[Page]:
    yield from visit(chromium, "en-GB")


@pytest.fixture
def phone(chromium: Browser) -> Iterator[Page]:
    yield from visit(chromium, "fr-FR", 360)


def shown(page: Page, url: str, days: str = DAYS) -> None:
    page.goto(f"{url}/report{days}")
    expect(page.locator("main")).to_have_attribute("aria-busy", "false")


def plain(text: str) -> str:
    """Write the thin and hard spaces of French numbers as spaces."""
    return re.sub(r"[\u202f\u00a0]", " ", text)


def test_the_figures_that_justified_the_money_stand_on_top(page, url):
    shown(page, url)
    total = plain(page.locator("#total").inner_text())
    for words in ("6", "20", "12", "2 584", "0,63", "km non parcourus", "t de CO₂ évitées"):
        assert words in total
    expect(page.locator("#span")).to_have_text("Du 1er janvier 2026 au 31 décembre 2026")
    if os.environ.get("SFU_SCREENSHOTS"):
        page.screenshot(path=SHOT, full_page=True)


def test_an_english_browser_reads_it_in_english(english, url):
    shown(english, url)
    assert "2,584" in english.locator("#total").inner_text()
    expect(english.get_by_role("heading", name="What the meetings saved")).to_be_visible()
    expect(english.locator("html")).to_have_attribute("lang", "en")


def test_each_plot_has_its_name_and_a_table_with_the_same_figures(page, url, stage):
    shown(page, url)
    for by in By:
        section = page.locator(f"#{by}")
        name = section.get_by_role("img").get_attribute("aria-labelledby")
        assert name is not None
        assert "Kilomètres" in page.locator(f"[id='{name.split()[0]}']").inner_html()
        cells = [
            plain(text) for text in section.locator("tbody tr td:nth-child(5)").all_inner_texts()
        ]
        assert cells == [f"{row.km:,.0f}".replace(",", " ") for row in stage.ledger_rows[by]]
        assert section.locator("thead th[scope=col]").count() == 6
        assert section.locator("tbody th[scope=row]").count() == len(stage.ledger_rows[by])


def test_months_without_a_meeting_have_a_place_on_the_plot(page, url):
    shown(page, url)
    bars = page.locator("#month svg rect")
    assert bars.count() == 12
    heights = [float(bar.get_attribute("height") or "") for bar in bars.all()]
    assert [height > 0 for height in heights[:6]] == [True, True, True, False, True, False]
    tallest = heights.index(max(heights))
    assert tallest == 4


def test_sites_stand_by_how_far_they_would_have_driven(page, url):
    shown(page, url)
    texts = page.locator("#site svg text:not(.value)").all_text_contents()
    assert texts == ["Montpellier", "Toulouse", "Béziers", "Narbonne", "Castres", "Olonzac"]
    assert "Sans organisation" in page.locator("#organisation table").inner_text()


def test_the_rule_and_what_is_not_known_are_told(page, url):
    shown(page, url)
    rule = page.locator("#rule").inner_text()
    assert "au site de la salle" in rule
    assert "0,244 kg" in rule
    assert "Distance inconnue, comptée 0 km : olargues – Toulouse" in rule


def test_other_days_are_asked_for_and_stand_in_the_address(page, url):
    shown(page, url, "")
    page.get_by_label("Du").fill("2026-03-01")
    page.get_by_label("au", exact=True).fill("2026-03-31")
    page.get_by_role("button", name="Afficher").click()
    expect(page.locator("#span")).to_have_text("Du 1er mars 2026 au 31 mars 2026")
    assert page.url.endswith("?from=2026-03-01&to=2026-03-31")
    with page.expect_download() as download:
        page.locator("#site .csv").click()
    assert download.value.suggested_filename == "ledger-2026-03-01-2026-03-31-site.csv"


def test_what_cannot_be_shown_is_said(page, url):
    shown(page, url, "?from=2026-03-02&to=2026-03-01")
    expect(page.get_by_role("alert")).to_have_text("Le dernier jour vient avant le premier.")


def test_a_stranger_logs_in(page, url, stage):
    stage.trusted = frozenset()
    shown(page, url)
    alert = page.get_by_role("alert")
    expect(alert).to_have_text("Il faut un compte pour voir ce bilan.")
    page.get_by_label("Compte").fill("anne")
    page.get_by_label("Mot de passe").fill("not the right one")
    page.route("**/api/v1/session", lambda route: route.fulfill(status=401))
    page.get_by_role("button", name="Se connecter").click()
    expect(alert).to_have_text("Ce compte ou ce mot de passe n'est pas le bon.")
    page.unroute("**/api/v1/session")
    # the cookie goes over TLS alone, and here is none: who is let in now is known by his place
    page.route("**/api/v1/session", lambda route: route.fulfill(status=200, json={}))
    stage.trusted = frozenset({"127.0.0.1"})
    page.get_by_label("Mot de passe").fill("the right one")
    page.get_by_role("button", name="Se connecter").click()
    expect(page.locator("#total")).to_contain_text("t de CO₂ évitées")
    expect(page.locator("#login")).to_be_hidden()


def test_names_are_text_and_never_markup(page, url, stage):
    name = "<img src=x onerror=alert(1)>"
    stage.ledger_rows[By.ORGANISATION] = (Row(name, 1, 2, 3.0, 4.0, 5.0),)
    shown(page, url)
    assert page.locator("#organisation tbody th").inner_text() == name
    assert page.locator("#organisation img").count() == 0


def test_paper_shows_figures_and_no_buttons_and_is_a_few_pages(page, url):
    shown(page, url)
    page.emulate_media(media="print")
    expect(page.locator("#days")).to_be_hidden()
    expect(page.locator("#total")).to_be_visible()
    paper = page.pdf(prefer_css_page_size=True, print_background=True)
    assert paper.startswith(b"%PDF-")
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b", paper)) <= 4


def test_a_phone_scrolls_tables_not_the_page(phone, url):
    shown(phone, url)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 360


def test_both_languages_have_the_same_words(page, url):
    source = page.request.get(f"{url}/report-words.js").text()
    blocks = re.findall(r"(?ms)^  (?:fr|en): \{(.*?)^  \},", source)
    keys = [re.findall(r"(?m)^    (\w+):", block) for block in blocks]
    assert len(keys) == 2
    assert keys[0] == keys[1]
