"""The console in a real Chromium, before a house whose meeting is written down."""

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from sfu.api.live_view import VisitorView
from sfu.api.view import CallView
from tests.api.house import LIVE
from tests.web.looking import visit
from tests.web.stage import Stage, on_stage

pytestmark = pytest.mark.interop

SHOTS = Path(__file__).parents[2] / "docs" / "images"
"""Made anew where SFU_SCREENSHOTS is set."""
VIEWS = ("live", "calls", "lines", "house")


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
def english(chromium: Browser) -> Iterator[Page]:
    yield from visit(chromium, "en-GB")


@pytest.fixture
def phone(chromium: Browser) -> Iterator[Page]:
    yield from visit(chromium, "fr-FR", 360, 760)


def opened(page: Page, url: str, view: str = "live") -> None:
    page.goto(f"{url}/console#{view}")
    expect(page.locator("#view")).to_have_attribute("aria-busy", "false")


def leg(page: Page, member: str = "m1"):
    return page.locator(f'[data-member="{member}"]')


def shot(page: Page, name: str) -> None:
    if os.environ.get("SFU_SCREENSHOTS"):
        page.screenshot(path=SHOTS / f"{name}.png", full_page="phone" not in name)


def plain(text: str) -> str:
    """Write the thin and hard spaces of French numbers as spaces."""
    return re.sub(r"[\u202f\u00a0]", " ", text)


def agree(page: Page) -> None:
    page.locator("#ask [value=yes]").click()


def test_a_technician_sees_how_each_leg_fares_and_why(page, url):
    page.clock.set_fixed_time("2026-01-05T09:14:30Z")
    opened(page, url)
    expect(page.get_by_role("heading", name="4201 · Conseil")).to_be_visible()
    words = plain(leg(page).inner_text())
    for said in (
        "Mairie de Morez",
        "morez · SIP · PolycomRealPresenceGroup310-6.2.2",
        "Image bonne",
        "passe · H.264 · 1,05 Mbit/s · perte 0,4 %",
        "passe · H.264 · 480 kbit/s",
        "G.722 · 64 kbit/s",
        "-23 dB",
        "Ligne morez",
        "620 kbit/s sur 2,00 Mbit/s",
        "760 kbit/s sur 800 kbit/s",
        "aller-retour 41 ms",
        "Image de Salle du Haut-Jura réduite : la ligne de qui regarde est pleine "
        "(700 kbit/s nécessaires, 500 kbit/s disponibles)",
        "Voit : Salle du Haut-Jura",
    ):
        assert said in words
    expect(leg(page, "m2").locator(".state")).to_have_text("Image à sens unique")
    expect(leg(page, "m3").locator(".state")).to_have_text("Sans image")
    expect(leg(page, "m3").locator(".device")).to_have_text("navigateur · Chromium")
    full = leg(page).get_by_role("meter", name="Du site")
    expect(full).to_have_attribute("data-kind", "full")
    shot(page, "console-live")


def test_what_changes_is_shown_within_a_second_and_nobody_loses_his_place(page, url, stage):
    opened(page, url)
    button = leg(page, "m3").get_by_role("button", name="Montrer à tous")
    button.focus()
    legs = tuple(replace(one, level_dbov=12, video="stalled") for one in LIVE.members)
    stage.meetings["4201"] = replace(LIVE, members=legs)
    expect(leg(page).locator(".state")).to_have_text("Image bloquée", timeout=2500)
    stage.meetings["4201"] = replace(LIVE, members=legs[1:])
    expect(leg(page)).to_have_count(0, timeout=2500)
    expect(button).to_be_focused()


def test_an_operator_disconnects_after_he_was_asked(page, url, stage):
    opened(page, url)
    leg(page, "m2").get_by_role("button", name="Déconnecter").click()
    expect(page.get_by_role("heading", name="Déconnecter Salle du Haut-Jura ?")).to_be_visible()
    page.get_by_role("button", name="Annuler").click()
    expect(leg(page, "m2")).to_be_visible()
    leg(page, "m2").get_by_role("button", name="Déconnecter").click()
    agree(page)
    expect(leg(page, "m2")).to_have_count(0, timeout=2500)
    expect(page.locator("#said")).to_have_text("Salle du Haut-Jura est déconnecté.")


def test_he_mutes_pins_and_chooses_the_rule(page, url, stage):
    opened(page, url)
    leg(page).get_by_role("button", name="Couper le micro").click()
    expect(leg(page).locator(".chips")).to_contain_text("micro coupé par la console")
    expect(leg(page).get_by_role("button", name="Rendre le micro")).to_have_attribute(
        "aria-pressed", "true"
    )
    leg(page, "m2").get_by_role("button", name="Montrer à tous").click()
    expect(leg(page, "m2").locator(".chips")).to_contain_text("montré à tous")
    leg(page, "m2").get_by_role("button", name="Ne plus imposer").click()
    expect(leg(page, "m2").locator(".chips")).to_be_empty()
    page.get_by_label("Qui les salles voient").select_option("round")
    expect(page.locator("#said")).to_have_text("Règle d'image changée.")
    assert stage.meetings["4201"].layout.value == "round"


def test_he_says_what_a_members_pictures_get_of_its_line(page, url, stage):
    opened(page, url)
    said, form = leg(page).locator(".terms summary"), leg(page).locator(".terms form")
    expect(said).to_have_text("Priorité 5 sur sa ligne")
    said.click()
    priority, most = form.get_by_label("Priorité (0 à 9)"), form.get_by_label("Image : au plus")
    priority.fill("9")
    most.fill("600")
    page.wait_for_timeout(1500)  # what comes each second does not take it out of his hands
    expect(priority).to_have_value("9")
    form.get_by_role("button", name="Appliquer").click()
    expect(page.locator("#said")).to_contain_text("appliqué jusqu'à son départ")
    # the floor was left alone: it goes on as configured, also when that changes
    assert stage.wished == [{"priority": 9, "picture_max_bps": 600_000}]
    expect(said).to_have_text(
        re.compile(r"Priorité 9 sur sa ligne · au plus 600\Wkbit/s par image"), timeout=2500
    )
    form.get_by_label("Image : au moins").fill("700")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("a floor above its most")
    form.get_by_role("button", name="Comme configuré").click()
    expect(said).to_have_text("Priorité 5 sur sa ligne", timeout=2500)
    expect(priority).to_have_value("5")
    assert stage.wished[-1] == dict.fromkeys(("priority", "picture_floor_bps", "picture_max_bps"))


def test_what_was_typed_and_not_applied_is_forgotten_with_the_fields(english, url):
    opened(english, url)
    said = leg(english).locator(".terms summary")
    expect(said).to_have_text("Priority 5 on its line")
    said.click()
    field = leg(english).get_by_label("Priority (0 to 9)")
    field.fill("2")
    said.click()
    expect(field).to_be_hidden()
    said.click()
    expect(field).to_have_value("5", timeout=2500)


def test_who_may_only_read_sees_the_terms_in_words(page, url):
    read = {"account": "lea", "role": "read_only", "how": "session"}
    page.route("**/api/v1/session", lambda route: route.fulfill(json=read))
    opened(page, url)
    expect(leg(page).locator(".terms p")).to_have_text("Priorité 5 sur sa ligne")


def test_he_ends_a_meeting(page, url):
    opened(page, url)
    page.get_by_role("button", name="Terminer").click()
    agree(page)
    expect(page.get_by_text("Aucune réunion en ce moment.")).to_be_visible()


def test_he_calls_a_room_in_and_is_told_how_it_went(page, url, stage):
    opened(page, url)
    form = page.locator(".meeting .caller")
    form.get_by_label("Qui appeler").fill("21")
    form.get_by_role("button", name="Appeler").click()
    expect(page.locator("#said")).to_have_text("21 est dans la salle 4201.")
    assert stage.dialled == [("21", "4201")]
    head = page.locator(".head .caller")
    head.get_by_label("Qui appeler").fill("busy")
    head.get_by_label("Salle", exact=True).fill("4202")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Busy Here")
    assert stage.dialled[-1] == ("busy", "4202")


def test_he_locks_a_meeting_and_lets_in_who_waits(page, url, stage):
    waiting = tuple(VisitorView(f"w{n}", name) for n, name in enumerate(("Léa", "Inconnu")))
    stage.meetings["4201"] = replace(LIVE, waiting=waiting)
    opened(page, url)
    page.get_by_role("button", name="Verrouiller").click()
    expect(page.locator("#said")).to_contain_text("qui arrive attend")
    expect(page.get_by_role("button", name="Déverrouiller")).to_be_visible()
    expect(page.locator(".waiting li")).to_have_count(2)
    page.get_by_role("button", name="Faire entrer: Léa").click()
    expect(page.locator("#said")).to_have_text("Léa entre.")
    page.get_by_role("button", name="Renvoyer: Inconnu").click()
    expect(page.locator(".waiting")).to_be_hidden()
    assert (stage.meetings["4201"].locked, stage.meetings["4201"].waiting) == (True, ())
    page.get_by_role("button", name="Déverrouiller").click()
    expect(page.get_by_role("button", name="Verrouiller", exact=True)).to_be_visible()


def test_who_may_only_read_has_no_buttons_that_do(page, url):
    read = {"account": "lea", "role": "read_only", "how": "session"}
    page.route("**/api/v1/session", lambda route: route.fulfill(json=read))
    opened(page, url)
    expect(leg(page)).to_be_visible()
    assert page.locator("#view button, #view select, #view input").count() == 0
    assert page.get_by_role("link", name="Comptes").count() == 0
    expect(page.locator("#who")).to_contain_text("lea (lecture seule)")


def test_a_stranger_logs_in(page, url, stage):
    stage.trusted = frozenset()
    page.goto(f"{url}/console")
    page.get_by_label("Compte").fill("anne")
    page.get_by_label("Mot de passe").fill("not the right one")
    page.route("**/api/v1/session", lambda route: route.fulfill(status=401, json={}))
    page.locator("#login .primary").click()
    expect(page.get_by_role("alert")).to_have_text("Ce compte ou ce mot de passe n'est pas le bon.")
    expect(page.locator("#oidc")).to_be_hidden()
    # the cookie goes over TLS alone, and here is none: who is let in now is known by his place
    page.unroute("**/api/v1/session")
    page.route(
        "**/api/v1/session",
        lambda route: (
            route.fulfill(json={}) if route.request.method == "POST" else route.continue_()
        ),
    )
    stage.trusted = frozenset({"127.0.0.1"})
    page.get_by_label("Mot de passe").fill("the right one")
    page.locator("#login .primary").click()
    expect(leg(page)).to_be_visible()
    expect(page.locator("#login")).to_be_hidden()


def test_a_server_that_is_away_is_told_of_and_found_again(page, stage):
    with on_stage(stage) as url:
        opened(page, url)
    expect(page.get_by_role("alert")).to_have_text(
        "Le serveur ne répond pas. Nouvelle tentative…", timeout=10_000
    )
    again = Stage()
    again.port = stage.port
    with on_stage(again):
        expect(page.get_by_role("alert")).to_be_hidden(timeout=10_000)
        expect(leg(page)).to_be_visible()


def test_records_say_why_calls_ended_and_are_found_by_any_word(page, url, stage):
    start, end = "2026-01-05T09:00:00+00:00", "2026-01-05T09:42:30+00:00"
    base = CallView(
        8, "4201", "sip", "sip:a@b", "Morez", "in", start, end, 2550.0, "vanished", 0, "morez",
        "Polycom HDX", "", 1, 1, 0.012,
    )  # fmt: skip
    stage.records = [
        base,
        replace(base, name="Lyon", site="", reason="refused", status=488, text="Not here"),
        replace(base, name="Dole", ended_at=None, reason=None),
    ]
    opened(page, url, "calls")
    text = plain(page.locator("tbody").inner_text())
    for said in ("disparu : plus rien n'arrivait · perte 1,2 %", "appel refusé (488 Not here)"):
        assert said in text
    assert "en cours" in text
    assert "42 min" in text
    page.get_by_label("Chercher").fill("lyon")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_label("Chercher").fill("nobody at all")
    expect(page.get_by_text("Aucun appel trouvé.")).to_be_visible()
    page.get_by_label("Chercher").fill("")
    shot(page, "console-history")


def test_a_line_shows_its_hour_and_what_one_call_more_would_become(page, url):
    opened(page, url, "lines")
    words = plain(page.locator(".access").inner_text())
    for said in (
        "2,00 Mbit/s descendants, 2,00 Mbit/s montants, ADSL ou SDSL (ATM)",
        "porte 1,90 Mbit/s en ce moment",
        "derrière : Mairie de Morez",
        "Une salle de plus : image et son (182 kbit/s nécessaires, 900 kbit/s libres)",
        "Mairie de Morez – Image de Salle du Haut-Jura réduite",
    ):
        assert said in words
    plot = page.get_by_role("img", name="Dernière heure de la ligne morez")
    expect(plot).to_be_visible()
    assert plot.locator("polyline").count() == 3
    assert plot.locator(".mark").count() == 59
    shot(page, "console-lines")


def test_an_english_browser_reads_it_in_english(english, url):
    opened(english, url)
    expect(english.locator("html")).to_have_attribute("lang", "en")
    expect(leg(english).locator(".state")).to_have_text("Picture good")
    expect(leg(english).get_by_role("button", name="Disconnect")).to_be_visible()


@pytest.mark.parametrize("view", VIEWS)
def test_a_phone_scrolls_tables_not_the_page(phone, url, view):
    phone.clock.set_fixed_time("2026-01-05T09:14:30Z")
    opened(phone, url, view)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 360
    if view == "live":
        shot(phone, "console-phone")


def test_all_can_be_reached_and_done_by_keyboard(page, url, stage):
    opened(page, url)
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    mute = leg(page).get_by_role("button", name="Couper le micro")
    for _ in range(60):
        page.keyboard.press("Tab")
        if mute.evaluate("one => one === document.activeElement"):
            break
    expect(mute).to_be_focused()
    page.keyboard.press("Enter")
    expect(leg(page).locator(".chips")).to_contain_text("micro coupé par la console")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#ask")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#ask")).to_be_hidden()
    expect(leg(page)).to_be_visible()


def test_names_are_text_and_never_markup(page, url, stage):
    name = "<img src=x onerror=alert(1)>"
    stage.meetings["4201"] = replace(
        LIVE, name=name, members=(replace(LIVE.members[0], name=name),)
    )
    opened(page, url)
    expect(leg(page).locator("h3")).to_have_text(name)
    assert page.locator("#view img").count() == 0


def test_both_languages_have_the_same_words(page, url):
    source = page.request.get(f"{url}/console-words.js").text()
    blocks = re.findall(r"(?ms)^  (?:fr|en): \{(.*?)^  \},", source)
    keys = [re.findall(r'(?m)^    (\w+|"[^"]+"):', block) for block in blocks]
    assert len(keys) == 2
    assert keys[0] == keys[1]


def test_every_word_that_is_used_is_there(page, url):
    """Words named in full by a module; those put together are seen by the tests above."""
    known = page.request.get(f"{url}/console-words.js").text()
    web = Path(__file__).parents[2] / "src" / "sfu" / "web"
    for path in web.glob("console*"):
        text = path.read_text()
        used = re.findall(r'\bt\("(\w+)"', text) + re.findall(r'data-t="(\w+)"', text)
        assert [one for one in used if f"    {one}:" not in known] == [], path.name


def test_the_house_is_seen_and_a_room_is_tried(page, url, stage):
    opened(page, url, "house")
    text = plain(page.locator("#view").inner_text())
    for said in ("4201", "Conseil", "sip:morez@192.0.2.21", "Mairie de Morez", "2,00 Mbit/s"):
        assert said in text
    assert page.get_by_role("button", name="Modifier").count() == 0  # an operator looks
    page.get_by_role("button", name="Tester: 21").click()
    report = page.locator(".tried")
    expect(report).to_contain_text("L'image arrive et se décode.")
    expect(report).to_contain_text("Le son arrive, mais il est vide")
    expect(report).to_contain_text("L'appareil perd une bonne part")
    expect(report.locator("[data-well=false]")).to_have_count(2)
    expect(report).to_be_focused()
    assert stage.tried == ["21"]
    shot(page, "console-test")


def test_a_room_that_does_not_answer_is_said_so(page, url):
    opened(page, url)
    head = page.locator(".head .caller")
    head.get_by_label("Qui appeler").fill("busy")
    head.get_by_role("button", name="Tester").click()
    expect(page.locator(".tried")).to_contain_text("L'appel n'a pas abouti : occupé 486 Busy Here.")
