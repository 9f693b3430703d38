"""F2: the console of the real server, over TLS, with real legs, by who may do everything."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Page, async_playwright, expect

from tests.interop.chromium import EXECUTABLE, FLAGS
from tests.interop.fixtures import LAJOUX, MOREZ
from tests.interop.server import Server

pytestmark = pytest.mark.interop

SETTINGS = """
[[site]]
name = "lajoux"
title = "Lajoux"
[[line]]
site = "lajoux"
up_bps = 2000000
down_bps = 2000000
networks = ["127.0.0.0/8"]
[[room]]
number = "4201"
name = "Conseil"
"""


@asynccontextmanager
async def console(server: Server, path: str = "/console") -> AsyncIterator[Page]:
    """Open the console and log in as the first start's administrator."""
    said = (server.home / "data" / "first-password").read_text()
    password = re.findall(r"\S+", said)[-1]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=EXECUTABLE, args=FLAGS)
        context = await browser.new_context(ignore_https_errors=True, locale="fr-FR")
        page = await context.new_page()
        await page.goto(server.page + path)
        await page.locator("#log-in").click()  # loopback is an operator without an account
        await page.get_by_label("Compte").fill("admin")
        await page.get_by_label("Mot de passe").fill(password)
        await page.locator("#login").get_by_role("button", name="Se connecter").click()
        await expect(page.locator("#who")).to_contain_text("admin (administrateur)")
        yield page
        await browser.close()


def card(page: Page, name: str):
    return page.locator(".leg").filter(has=page.get_by_role("heading", name=name))


def test_real_legs_are_seen_muted_pinned_and_disconnected(meeting):
    async def story():
        async with meeting() as m:
            server = await m.serve(SETTINGS)
            lajoux = await m.room(LAJOUX)
            morez = await m.room(MOREZ)
            async with console(server) as page:
                await expect(page.get_by_text("Aucune réunion en ce moment.")).to_be_visible()
                await lajoux.dial(server.sip("4201"))
                await morez.dial(server.sip("4201"))
                one, two = card(page, "lajoux"), card(page, "morez")
                for leg in (one, two):
                    await expect(leg.locator(".state")).to_have_text("Image bonne", timeout=20_000)
                    await expect(leg).to_contain_text("H.264", timeout=10_000)
                    await expect(leg).to_contain_text("G.722")
                    await expect(leg.locator(".device")).to_contain_text("baresip")
                await expect(one).to_contain_text("Ligne lajoux")
                await expect(one).to_contain_text("sur 2,00\u00a0Mbit/s", use_inner_text=True)
                await morez.hears(LAJOUX)
                await one.get_by_role("button", name="Couper le micro").click()
                await morez.hears(seconds=20)
                await one.get_by_role("button", name="Rendre le micro").click()
                await morez.hears(LAJOUX)
                await two.get_by_role("button", name="Montrer à tous").click()
                await lajoux.sees(MOREZ)
                await one.locator(".terms summary").click()
                await one.get_by_label("Priorité").fill("8")
                await one.get_by_role("button", name="Appliquer").click()
                await expect(one.locator(".terms summary")).to_contain_text("Priorité 8")
                await two.get_by_role("button", name="Déconnecter").click()
                await page.locator("#ask [value=yes]").click()
                await expect(two).to_have_count(0, timeout=10_000)
                await page.get_by_role("button", name="Terminer").click()
                await page.locator("#ask [value=yes]").click()
                await expect(page.get_by_text("Aucune réunion en ce moment.")).to_be_visible()
                await page.get_by_role("link", name="Historique").click()
                rows = page.locator("tbody tr")
                await expect(rows).to_have_count(2)
                await expect(rows.first).to_contain_text("déconnecté par le serveur")
                await page.get_by_role("link", name="Journal").click()
                for deed in ("changer un membre", "terminer la réunion", "se connecter"):
                    await expect(page.locator("tbody")).to_contain_text(deed)

    asyncio.run(story())


def test_the_house_is_changed_by_forms_at_once_and_for_good(meeting):
    async def story():
        async with meeting() as m:
            server = await m.serve(SETTINGS)
            lajoux = await m.room(LAJOUX)
            await lajoux.dial(server.sip("4201"))
            async with console(server, "/console#house") as page:
                await page.get_by_role("button", name="Ajouter une salle").click()
                await page.locator("#field-number").fill("51")
                await page.locator("#field-name").fill("Salle des mariages")
                await page.locator("#field-site").fill("nowhere")
                await page.get_by_role("button", name="Enregistrer").click()
                await expect(page.locator("dialog .wrong")).to_contain_text(
                    "no [[site]] has the name nowhere"
                )
                await page.locator("#field-site").fill("lajoux")
                await page.get_by_role("button", name="Enregistrer").click()
                await expect(page.locator("tbody").first).to_contain_text("Salle des mariages")
                edit = page.get_by_role("button", name="Modifier: 51")
                await edit.click()
                await page.locator("#field-pin").fill("4711")
                await page.locator("#field-max_members").fill("9")
                await page.locator("#field-priority").fill("8")
                await page.locator("#field-picture_floor_bps").fill("200")
                await page.locator("#field-picture_max_bps").fill("100")
                await page.get_by_role("button", name="Enregistrer").click()
                await expect(page.locator("dialog .wrong")).to_contain_text("must not be above")
                await page.locator("#field-picture_max_bps").fill("1200")
                await page.get_by_role("button", name="Enregistrer").click()
                await expect(page.locator("#said")).to_have_text("51 est changé.")
                await edit.click()
                await expect(page.locator("#field-pin")).to_have_attribute(
                    "placeholder", "inchangé"
                )
                await page.get_by_label("sans code").check()
                await page.locator("#field-max_members").fill("")
                await page.get_by_role("button", name="Enregistrer").click()
                await expect(page.locator("#field-pin")).to_be_hidden()
                house = json.loads(await asyncio.to_thread(server.get, "/api/v1/house"))
                (room,) = (one for one in house if one["key"] == "51")
                assert (room["secrets"], room["values"]["max_members"]) == ([], 0)
                terms = ("priority", "picture_floor_bps", "picture_max_bps")
                assert [room["values"][one] for one in terms] == [8, 200_000, 1_200_000]
                morez = await m.room(MOREZ)
                await morez.dial(server.sip("51"))
                await page.get_by_role("button", name="Modifier: lajoux").last.click()
                await page.locator("#field-down_bps").fill("1200")
                await page.get_by_role("button", name="Enregistrer").click()
                await expect(page.locator("#said")).to_have_text("lajoux est changé.")
                live = json.loads(await asyncio.to_thread(server.get, "/api/v1/live"))
                assert live["lines"][0]["send_bps"] == 1_200_000
                assert {one["room"] for one in live["meetings"]} == {"4201", "51"}
                await page.get_by_role("button", name="Supprimer: lajoux").last.click()
                await page.locator("#ask [value=yes]").click()
                await expect(page.get_by_role("alert")).to_contain_text("somebody stands behind")
                await server.stop()
                await server.start()
                rooms = json.loads(await asyncio.to_thread(server.get, "/api/v1/rooms"))
                assert [one["name"] for one in rooms] == ["Conseil", "Salle des mariages"]
                await page.goto(server.page + "/console#lines")
                await expect(page.locator(".access")).to_contain_text("1,20")

    asyncio.run(story())


def test_a_room_is_tried_with_nobody_in_it(meeting):
    async def story():
        async with meeting() as m:
            server = await m.serve()
            lajoux = await m.room(LAJOUX)
            quiet = await m.room(MOREZ, silent=True)
            async with console(server) as page:
                form = page.locator(".head .caller")
                await form.get_by_label("Qui appeler").fill(lajoux.uri)
                await form.get_by_role("button", name="Tester").click()
                report = page.locator(".tried")
                await expect(report).to_contain_text("L'image arrive et se décode.", timeout=30_000)
                await expect(report).to_contain_text("Le son arrive.")
                await expect(report).to_contain_text("mire envoyée : H.264")
                await form.get_by_label("Qui appeler").fill(quiet.uri)
                await form.get_by_role("button", name="Tester").click()
                await expect(report).to_contain_text(
                    "Le son arrive, mais il est vide", timeout=30_000
                )
                await form.get_by_label("Qui appeler").fill("sip:nobody@127.0.0.1:9")
                await form.get_by_role("button", name="Tester").click()
                await expect(report).to_contain_text("L'appel n'a pas abouti", timeout=60_000)
            assert server.metric("sfu_rooms") == 0

    asyncio.run(story())


def test_accounts_and_keys_are_made_and_taken_back(meeting):
    async def story():
        async with meeting() as m:
            server = await m.serve()
            async with console(server, "/console#people") as page:
                form = page.locator(".maker").first
                await form.get_by_label("Compte").fill("lea")
                await form.get_by_label("Rôle").select_option("read_only")
                await form.get_by_role("button").click()
                await expect(page.locator(".secret")).to_contain_text("Mot de passe de lea")
                password = await page.locator(".secret code").inner_text()
                assert len(password) >= 12
                keys = page.locator(".maker").last
                await keys.get_by_label("Nom de la clé").fill("grafana")
                await keys.get_by_role("button").click()
                await expect(page.locator(".secret code")).to_contain_text("sfu_")
                await page.get_by_role("button", name="Révoquer grafana").click()
                await page.locator("#ask [value=yes]").click()
                await expect(page.get_by_text("Aucune clé.")).to_be_visible()
                await page.get_by_role("button", name="Supprimer lea").click()
                await page.locator("#ask [value=yes]").click()
                await expect(page.get_by_role("button", name="Supprimer lea")).to_have_count(0)
                await expect(page.get_by_role("button", name="Supprimer admin")).to_be_disabled()

    asyncio.run(story())
