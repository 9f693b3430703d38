"""No page has a fault that keeps somebody out: axe finds nothing serious or critical on any."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from sfu.signalling.webrtc.message import Door, EndCode, Visitor, ended
from tests.api.house import HELD, MODERATED
from tests.web.axe import faults
from tests.web.looking import visit
from tests.web.stage import Stage, notice, on_stage

pytestmark = pytest.mark.interop

ADMINISTRATOR = {"account": "anne", "role": "administrator", "how": "session"}
ACCOUNTS = [
    {"name": "anne", "role": "administrator", "created_at": "2026-01-05T09:00:00+00:00",
     "seen_at": None},
]  # fmt: skip
TOKENS = [
    {"id": "1", "name": "grafana", "role": "read_only", "made_by": "anne", "used_at": None,
     "created_at": "2026-01-05T09:00:00+00:00", "expires_at": None},
]  # fmt: skip
DEEDS = [
    {"id": 1, "at": "2026-01-05T09:00:00+00:00", "who": "anne", "role": "administrator",
     "address": "192.0.2.1", "action": "POST /api/v1/calls", "target": "", "detail": "21",
     "status": 201},
]  # fmt: skip


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def url(stage: Stage) -> Iterator[str]:
    with on_stage(stage) as address:
        yield address


@pytest.fixture(params=["wide", "phone"])
def page(request, chromium: Browser) -> Iterator[Page]:
    yield from visit(chromium, "fr-FR", 1280 if request.param == "wide" else 360)


def administer(page: Page) -> None:
    """Show what administrators see; what the API lets them do is played on the real server."""
    page.route("**/api/v1/session", lambda route: route.fulfill(json=ADMINISTRATOR))
    page.route("**/api/v1/accounts", lambda route: route.fulfill(json=ACCOUNTS))
    page.route("**/api/v1/tokens", lambda route: route.fulfill(json=TOKENS))
    page.route("**/api/v1/audit*", lambda route: route.fulfill(json=DEEDS))


@pytest.mark.parametrize("view", ["live", "calls", "lines", "house", "people", "audit"])
def test_the_console(page, url, view):
    administer(page)
    page.goto(f"{url}/console#{view}")
    expect(page.locator("#view")).to_have_attribute("aria-busy", "false")
    if view == "lines":
        expect(page.locator("svg")).to_be_visible()
    assert faults(page) == []


def test_the_consoles_dialogs(page, url):
    administer(page)
    page.goto(f"{url}/console")
    page.locator('[data-member="m1"] .terms summary').click()
    expect(page.locator("#priority-m1")).to_be_visible()
    assert faults(page) == []
    page.locator('[data-member="m1"]').get_by_role("button", name="Déconnecter").click()
    expect(page.locator("#ask")).to_be_visible()
    assert faults(page) == []
    page.get_by_role("button", name="Annuler").click()
    page.goto(f"{url}/console#house")
    page.get_by_role("button", name="Tester: 21").click()
    expect(page.locator(".tried")).to_be_visible()
    for name in ("Ajouter une salle", "Ajouter un visiocodec", "Ajouter un site",
                 "Ajouter une ligne"):  # fmt: skip
        page.get_by_role("button", name=name).click()
        expect(page.get_by_role("button", name="Enregistrer")).to_be_visible()
        assert faults(page) == []
        page.keyboard.press("Escape")


def test_the_consoles_login(page, url, stage):
    stage.trusted = frozenset()
    page.goto(f"{url}/console")
    expect(page.locator("#login")).to_be_visible()
    assert faults(page) == []


def test_an_empty_house(page, url, stage):
    stage.meetings.clear()
    page.goto(f"{url}/console")
    expect(page.get_by_text("Aucune réunion en ce moment.")).to_be_visible()
    assert faults(page) == []


def test_the_report(page, url):
    page.goto(f"{url}/report?from=2026-01-01&to=2026-12-31")
    expect(page.locator("main")).to_have_attribute("aria-busy", "false")
    assert faults(page) == []


def test_the_meeting_page_before_and_in_a_meeting(page, url, stage):
    page.goto(f"{url}/?room=4201&name=Claire")
    expect(page.locator("#enter")).to_be_visible()
    assert faults(page) == []
    stage.extras = [notice("m3")]
    page.click("#enter")
    expect(page.locator('[data-member="m1"].live')).to_be_visible()
    assert faults(page) == []
    page.click("#settings-open")
    expect(page.locator("#settings")).to_be_visible()
    assert faults(page) == []


def test_a_moderators_page(page, url, stage):
    page.goto(f"{url}/?room={MODERATED}&name=Claire")
    page.click("#enter")
    expect(page.locator('[data-member="m1"].live')).to_be_visible()
    claire = Visitor(member="m9", name="Claire Monnet")
    stage.say(Door(locked=True, waiting_room=True, waiting=(claire,)))
    page.click("#manage")
    expect(page.locator("#door-list li")).to_be_visible()
    assert faults(page) == []


def test_who_waits_before_a_room_and_who_was_sent_out(page, url, stage):
    page.goto(f"{url}/?room={HELD}&name=Anne")
    page.click("#enter")
    expect(page.locator("#stop-waiting")).to_be_visible()
    assert faults(page) == []
    page.goto(f"{url}/?room=4201&name=Anne")
    page.click("#enter")
    expect(page.locator('[data-member="m1"].live')).to_be_visible()
    stage.say(ended(EndCode.REMOVED))
    expect(page.locator("#enter")).to_be_visible()
    assert faults(page) == []


def test_bookings(page, url):
    page.goto(f"{url}/bookings?week=2027-03-12")
    expect(page.locator("main")).to_have_attribute("aria-busy", "false")
    assert faults(page) == []
    page.get_by_label("Conseil (4201)").check()
    page.get_by_label("Objet").fill("Conseil")
    page.get_by_label("Jour", exact=True).fill("2027-03-12")
    page.get_by_label("Heure").fill("09:00")
    expect(page.locator("#answer")).to_contain_text("C'est libre")
    assert faults(page) == []
    page.click("#yes")
    page.click("#plan [data-booking]")
    expect(page.locator("#cancel-all")).to_be_visible()
    assert faults(page) == []


@pytest.mark.parametrize("path", ["report", "bookings"])
def test_where_somebody_must_log_in(page, url, stage, path):
    stage.trusted = frozenset()
    page.goto(f"{url}/{path}")
    expect(page.locator("#login")).to_be_visible()
    assert faults(page) == []


def test_no_page_is_left_out():
    web = Path(__file__).parents[2] / "src" / "sfu" / "web"
    ways = {"index": "/?room="}
    here = Path(__file__).read_text()
    pages = [ways.get(one.stem, f"/{one.stem}") for one in web.glob("*.html")]
    assert [one for one in pages if not re.search(rf'goto\(f"{{url}}{re.escape(one)}', here)] == []
