"""The bookings page in a real Chromium, before a house whose agenda is empty."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.web.stage import CHROMIUM, FLAGS, Stage, on_stage
from tests.web.test_report import visit

pytestmark = pytest.mark.interop
WEEK = "?week=2027-03-12"


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


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    yield from visit(chromium, "fr-FR")


@pytest.fixture
def phone(chromium: Browser) -> Iterator[Page]:
    yield from visit(chromium, "fr-FR", 360)


def shown(page: Page, url: str) -> None:
    page.goto(f"{url}/bookings{WEEK}")
    expect(page.locator("main")).to_have_attribute("aria-busy", "false")


def wish(page: Page, at: str = "09:00", title: str = "Conseil", until: str = "") -> None:
    page.get_by_label("Conseil (4201)").check()
    page.get_by_label("Objet").fill(title)
    page.get_by_label("Jour", exact=True).fill("2027-03-12")
    page.get_by_label("Heure").fill(at)
    page.locator("[name=weekly_until]").fill(until)


def test_a_room_is_booked_weekly_and_stands_in_the_week(page, url, stage):
    shown(page, url)
    expect(page.locator("#span")).to_contain_text("8 mars 2027")
    expect(page.locator("#yes")).to_be_disabled()
    wish(page, until="2027-03-26")
    expect(page.locator("#answer")).to_contain_text("C'est libre, et les lignes le portent.")
    page.click("#yes")
    expect(page.locator("#answer")).to_contain_text("Réservé : Conseil.")
    expect(page.locator("#plan [data-booking]")).to_have_text("09:00–10:00 Conseil")
    page.click("#after")
    expect(page.locator("#plan [data-booking]")).to_have_count(1)
    assert len(stage.agenda.bookings) == 1


def test_a_conflict_is_said_before_anything_is_booked(page, url, stage):
    shown(page, url)
    wish(page)
    page.click("#yes")
    expect(page.locator("#plan [data-booking]")).to_have_count(1)
    wish(page, at="09:30", title="Autre")
    expect(page.locator("#answer")).to_contain_text("Une salle est déjà réservée à ce moment.")
    expect(page.locator("#answer")).to_contain_text(
        "Conseil (4201) : ven. 12 mars de 09:00 à 10:00, Conseil"
    )
    expect(page.locator("#yes")).to_be_disabled()
    wish(page, at="10:00", title="Autre")
    expect(page.locator("#yes")).to_be_enabled()
    assert len(stage.agenda.bookings) == 1


def test_one_week_or_all_of_it_is_cancelled(page, url, stage):
    shown(page, url)
    wish(page, until="2027-03-26")
    page.click("#yes")
    page.on("dialog", lambda dialog: dialog.accept())
    page.click("#plan [data-booking]")
    expect(page.locator("#one-where")).to_contain_text("Conseil (4201)")
    expect(page.locator("#one-invitation")).to_have_attribute(
        "href", "/api/v1/bookings/1/invitation"
    )
    page.click("#cancel-day")
    expect(page.locator("#plan [data-booking]")).to_have_count(0)
    page.click("#after")
    page.click("#plan [data-booking]")
    page.click("#cancel-all")
    expect(page.locator("#plan [data-booking]")).to_have_count(0)
    assert stage.agenda.bookings == {}


def test_the_feed_of_each_room_can_be_followed(page, url):
    shown(page, url)
    links = page.locator("#feeds a")
    expect(links).to_have_text(["Toutes les salles", "Conseil (4201)"])
    answer = page.request.get(url + (links.nth(1).get_attribute("href") or ""))
    assert answer.text().startswith("BEGIN:VCALENDAR")


def test_a_stranger_is_asked_to_log_in(page, url, stage):
    stage.trusted = frozenset()
    shown(page, url)
    expect(page.get_by_role("alert")).to_have_text("Connectez-vous pour voir les réservations.")
    expect(page.locator("#login")).to_be_visible()


def test_a_phone_scrolls_the_week_not_the_page(phone, url):
    shown(phone, url)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 360


def test_both_languages_have_the_same_words(page, url):
    source = page.request.get(f"{url}/bookings-words.js").text()
    blocks = re.findall(r"(?ms)^  (?:fr|en): \{(.*?)^  \},", source)
    keys = [re.findall(r"(?m)^    (\w+):", block) for block in blocks]
    assert len(keys) == 2
    assert keys[0] == keys[1]
