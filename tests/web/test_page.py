"""The page in a real Chromium, against a scripted house that answers with aiortc."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from sfu.signalling.webrtc.message import (
    Admit,
    Camera,
    Door,
    EndCode,
    Hold,
    Join,
    Layout,
    Leave,
    Members,
    Mute,
    Notice,
    Offer,
    Path,
    Remove,
    Send,
    Slots,
    Sound,
    Speaker,
    State,
    TurnAway,
    Visitor,
    ended,
)
from tests.api.house import HELD, MODERATED
from tests.web.stage import CAST, CHROMIUM, FLAGS, YOU, Stage, notice, on_stage

pytestmark = pytest.mark.interop

SENT_CODEC = """async () => {
  const rows = [...(await sfu.call.peer.connection.getStats()).values()];
  const sent = rows.find((row) => row.type === "outbound-rtp" && row.kind === "video");
  return rows.find((row) => row.id === sent?.codecId)?.mimeType ?? "";
}"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    rule = "--host-resolver-rules=MAP insecure.test 127.0.0.1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, rule])
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
    yield from visit(chromium, "fr-FR", 1280, 800)


@pytest.fixture
def english(chromium: Browser) -> Iterator[Page]:
    yield from visit(chromium, "en-GB", 1280, 800)


@pytest.fixture
def phone(chromium: Browser) -> Iterator[Page]:
    yield from visit(chromium, "fr-FR", 360, 640)


def visit(chromium: Browser, locale: str, width: int, height: int) -> Iterator[Page]:
    """A page in a context of its own, which must throw no error."""
    context = chromium.new_context(locale=locale, viewport={"width": width, "height": height})
    page = context.new_page()
    page.set_default_timeout(10_000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


def join(page: Page, url: str, room: str = "4201", query: str = "") -> None:
    page.goto(f"{url}/?room={room}&name=Claire{query}")
    page.click("#enter")
    expect(page.locator("#call")).to_be_visible()
    expect(page.locator(".tile")).to_have_count(len(CAST))


def until(page: Page, holds: Callable[[], bool]) -> None:
    """Wait without evaluating strings in the page, which its policy forbids."""
    for _ in range(100):
        if holds():
            return
        page.wait_for_timeout(100)
    assert holds()


def switched(stage: Stage) -> list[tuple[bool, bool]]:
    """What was said of microphone and camera."""
    return [(one.microphone, one.camera) for one in stage.said(State) if isinstance(one, State)]


def wide_enough(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_the_room_of_the_link_is_filled_in_and_the_language_is_french(page, url):
    page.goto(f"{url}/?room=4201")
    expect(page.locator("#room")).to_have_value("4201")
    expect(page.locator("#name")).to_be_focused()
    expect(page.get_by_role("heading", name="Rejoindre une réunion")).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == "fr"
    expect(page.get_by_role("alert")).to_be_hidden()


def test_an_english_browser_gets_english(english, url):
    join(english, url)
    assert english.evaluate("document.documentElement.lang") == "en"
    expect(english.locator("#room-title")).to_have_text("Room 4201")
    expect(english.locator("#leave")).to_have_text("Leave")
    expect(english.locator('[data-member="m4"]')).to_have_attribute(
        "aria-label", "Jean-Luc, Browser, Camera off"
    )


def test_both_languages_have_the_same_words(page, url):
    source = page.request.get(f"{url}/i18n.js").text()
    french, english = source.split("  en: {")
    keys = [
        {line.split(":")[0].strip() for line in part.splitlines() if line.startswith("    ")}
        for part in (french, english)
    ]
    assert keys[0] == keys[1]
    assert len(keys[0]) > 80


@pytest.mark.parametrize(
    ("room", "words"),
    [
        ("9999", "Aucune salle ne porte ce numéro."),
        ("4299", "La salle est pleine."),
        ("4298", "L'accès n'est pas permis depuis votre réseau."),
        ("4297", "Le serveur s'arrête ou redémarre."),
        ("4203", "Un responsable vous a retiré de la réunion."),
    ],
)
def test_each_refusal_is_said_in_words(page, url, room, words):
    page.goto(f"{url}/?room={room}&name=Claire")
    page.click("#enter")
    expect(page.get_by_role("alert")).to_contain_text(words)
    expect(page.locator("#enter")).to_be_enabled()


def test_a_name_and_a_room_are_asked_for(page, url):
    page.goto(url)
    page.click("#enter")
    expect(page.get_by_role("alert")).to_contain_text("numéro de la salle")
    page.keyboard.type("42 01")
    page.click("#enter")
    expect(page.get_by_role("alert")).to_contain_text("votre nom")
    expect(page.locator("#name")).to_be_focused()


def test_a_pin_is_asked_for_when_it_is_needed_and_not_for_ever(page, url, stage):
    page.goto(f"{url}/?room=4242&name=Claire")
    expect(page.locator("#pin")).to_be_hidden()
    page.click("#enter")
    expect(page.locator("#pin")).to_be_focused()
    expect(page.get_by_role("alert")).to_have_text("Cette salle demande un code PIN.")
    for words in ("Ce n'est pas le code PIN", "Ce n'est pas le code PIN", "Trop d'essais"):
        page.fill("#pin", "9")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text(words)
    page.fill("#pin", "1234")
    page.keyboard.press("Enter")
    expect(page.locator("#call")).to_be_visible()
    assert [type(m) for m in stage.browsers[-1].heard][:1] == [Join]
    assert stage.browsers[-1].heard[0].pin == "1234"


def test_a_server_that_does_not_answer_is_said(page, stage):
    with on_stage(stage) as url:
        page.goto(f"{url}/?room=4201&name=Claire")
        expect(page.locator("#preview-empty")).to_be_hidden()
    page.click("#enter")
    expect(page.get_by_role("alert")).to_contain_text("Le serveur ne répond pas.")


def test_everything_can_be_done_by_keyboard(page, url, stage):
    page.goto(f"{url}/?room=4201")
    page.keyboard.type("Claire mv")  # letters in a field are no shortcuts
    page.keyboard.press("Tab")
    expect(page.locator("#enter")).to_be_focused()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    expect(page.locator("#mic")).to_be_focused()
    expect(page.locator("#mic")).to_have_text("Micro ouvert")  # devices are open
    page.keyboard.press("m")
    expect(page.locator("#mic")).to_have_text("Micro coupé")
    page.keyboard.press("v")
    expect(page.locator("#cam")).to_have_text("Caméra coupée")
    expect(page.locator("#announcer")).to_have_text("Caméra coupée")
    page.keyboard.press("v")
    expect(page.locator("#cam")).to_have_text("Caméra")
    until(page, lambda: len(stage.said(State)) >= 4)
    assert switched(stage)[0] == (True, True)
    assert (False, False) in switched(stage)
    assert switched(stage)[-1] == (False, True)
    for _ in range(2):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#settings")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#settings")).to_be_hidden()
    page.keyboard.press("Tab")
    expect(page.locator("#leave")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("Vous avez quitté la réunion.")


def test_a_phone_360_pixels_wide_shows_everything(phone, url, stage):
    stage.extras = [notice("m3")]
    phone.goto(f"{url}/?room=4242&name=Claire")
    phone.click("#enter")
    expect(phone.locator("#pin")).to_be_visible()
    assert wide_enough(phone)
    phone.fill("#pin", "1234")
    phone.keyboard.press("Enter")
    expect(phone.locator(".tile")).to_have_count(4)
    assert wide_enough(phone)
    for tool in ("#mic", "#cam", "#settings-open", "#leave"):
        box = phone.locator(tool).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
        assert box["y"] + box["height"] <= 640
        assert min(box["width"], box["height"]) >= 44
    phone.click("#settings-open")
    assert wide_enough(phone)


def test_members_have_a_tile_with_picture_or_reason(page, url, stage):
    stage.extras = [notice("m3")]
    join(page, url)
    expect(page.locator('[data-member="m1"].live')).to_be_visible()
    expect(page.locator('[data-member="m2"].live')).to_be_visible()
    assert page.locator('[data-member="m1"] video').evaluate("v => v.videoWidth") == 640
    expect(page.locator('[data-member="m1"] .tile-badge')).to_have_text("Salle")
    expect(page.locator('[data-member="m2"] .tile-badge')).to_have_text("Navigateur")
    expect(page.locator('[data-member="m2"] .tile-muted')).to_be_visible()
    expect(page.locator('[data-member="m1"] .tile-muted')).to_be_hidden()
    expect(page.locator('[data-member="m3"] .tile-reason')).to_have_text(
        "Aucun codec d'image commun"
    )
    expect(page.locator('[data-member="m4"] .tile-reason')).to_have_text("Caméra coupée")
    expect(page.locator("#notices")).to_contain_text("Salle du Haut-Jura et vous")
    expect(page.locator('[data-member="m1"].leads')).to_have_count(1)
    stage.say(Speaker(member="m2"))
    expect(page.locator('[data-member="m2"].leads')).to_have_count(1)
    stage.say(Notice(code="no_common_picture_codec", about="m3", active=False, text=""))
    expect(page.locator("#notices")).to_be_empty()


def test_all_is_ready_to_play_before_one_comes_in(page, url):
    page.goto(f"{url}/?room=4201&name=Claire")
    expect(page.locator("#places video")).to_have_count(3)
    expect(page.locator("#sounds audio")).to_have_count(7)
    assert all(page.locator("#sounds audio").evaluate_all("all => all.map(one => one.paused)"))
    made = page.locator("#places video, #sounds audio").evaluate_all("all => globalThis.made = all")
    page.click("#enter")
    expect(page.locator(".tile.live")).to_have_count(2)
    kept = "() => globalThis.made.filter(one => one.isConnected && one.srcObject).length"
    assert page.evaluate(kept) == len(made)
    playing = "all => all.filter(one => !one.paused).length"
    until(page, lambda: page.locator("#sounds audio").evaluate_all(playing) == 7)


def test_ones_own_picture_stands_still_while_the_others_begin(page, url):
    page.goto(f"{url}/?room=4201&name=Claire")
    moves = "() => !document.querySelector('video#mirror').paused"
    until(page, lambda: page.evaluate(moves))
    expect(page.locator("#preview #mirror")).to_be_visible()
    page.click("#enter")
    assert not page.evaluate(moves)
    expect(page.locator("#self #mirror")).to_be_visible()
    until(page, lambda: page.evaluate(moves))


def test_places_that_change_hands_take_their_pictures_along(page, url, stage):
    join(page, url)
    expect(page.locator(".tile.live")).to_have_count(2)
    places = {
        one: page.locator(f'[data-member="{one}"]').get_attribute("data-mid")
        for one in ("m1", "m2")
    }
    track = "v => v.srcObject.getVideoTracks()[0].id"
    tracks = {one: page.locator(f'[data-member="{one}"] video').evaluate(track) for one in places}
    waiting = page.locator("#places video")
    spare = waiting.count()
    stage.say(Slots(pictures={places["m1"]: "m2", places["m2"]: "m1"}, sounds={}, mix=True))
    expect(page.locator(f'[data-member="m1"][data-mid="{places["m2"]}"].live')).to_be_visible()
    assert page.locator('[data-member="m1"] video').evaluate(track) == tracks["m2"]
    assert page.locator('[data-member="m2"] video').evaluate(track) == tracks["m1"]
    stage.say(Slots(pictures={places["m1"]: "m2", places["m2"]: None}, sounds={}, mix=True))
    expect(waiting).to_have_count(spare + 1)
    expect(page.locator('[data-member="m1"] video')).to_have_count(0)
    stage.say(Members(members=(CAST[0], YOU), you="m7"))  # who was seen goes
    expect(waiting).to_have_count(spare + 2)


def test_the_stranger_of_a_newer_server_is_shown_in_its_own_words(page, url, stage):
    stage.extras = [Notice(code="new_thing", about="m1", active=True, text="A new thing.")]
    join(page, url)
    expect(page.locator("#notices")).to_have_text("A new thing.")


def test_more_members_make_more_places(page, url, stage):
    join(page, url)
    expect(page.locator('[data-member="m1"].live')).to_be_visible()
    stage.carried = 4
    stage.say(Layout(pictures=4))
    expect(page.locator('[data-member="m3"].live')).to_be_visible()
    counts = [offer.sdp.count("m=video") for offer in stage.said(Offer)]
    assert counts == [4, 5]
    assert [offer.sdp.count("m=audio") for offer in stage.said(Offer)] == [8, 8]
    directions = [line for line in stage.said(Offer)[0].sdp.split("\r\n") if line == "a=sendonly"]
    assert len(directions) == 2


def test_who_comes_and_goes_is_told(page, url, stage):
    join(page, url)
    stage.say(Members(members=(CAST[0], YOU), you="m7"))
    expect(page.locator("#announcer")).to_contain_text("Anne Grandclément est parti.")
    expect(page.locator(".tile")).to_have_count(1)
    stage.say(Members(members=(YOU,), you="m7"))
    expect(page.locator("#alone")).to_contain_text("Vous êtes seul dans la salle 4201.")
    stage.say(Members(members=(*CAST[:2], YOU), you="m7"))
    expect(page.locator("#announcer")).to_contain_text("Mairie de Morez est arrivé.")
    expect(page.locator("#count")).to_have_text("3 participants")
    stage.say(Slots(pictures={}, sounds={}, mix=False))
    expect(page.locator('[data-member="m1"] .tile-reason')).to_have_text("Image non affichée")


def test_the_camera_changes_codec_without_an_offer(page, url, stage):
    join(page, url)
    until(page, lambda: page.evaluate(SENT_CODEC) == "video/H264")
    stage.say(Send(camera=Camera(codec="VP8", max_bps=300_000)))
    until(page, lambda: page.evaluate(SENT_CODEC) == "video/VP8")
    limit = "sfu.call.peer.connection.getSenders()[1].getParameters().encodings[0]"
    assert page.evaluate(f"{limit}.maxBitrate") == 300_000
    stage.say(Send(camera=Camera(codec="VP8", max_bps=300_000, max_height=180, active=False)))
    until(page, lambda: page.evaluate(f"!{limit}.active && {limit}.scaleResolutionDownBy > 1"))
    assert len(stage.said(Offer)) == 1


def test_a_browser_that_cannot_choose_the_codec_offers_it_first(page, url, stage):
    page.add_init_script("""
        const set = RTCRtpSender.prototype.setParameters;
        RTCRtpSender.prototype.setParameters = function (parameters) {
          for (const encoding of parameters.encodings) delete encoding.codec;
          return set.call(this, parameters);
        };""")
    join(page, url)
    until(page, lambda: page.evaluate(SENT_CODEC) == "video/H264")
    stage.say(Send(camera=Camera(codec="VP8", max_bps=300_000)))
    until(page, lambda: page.evaluate(SENT_CODEC) == "video/VP8")
    until(page, lambda: len(stage.said(Offer)) == 3)
    firsts = []
    for offer in stage.said(Offer):
        camera = offer.sdp.split("m=video")[1]
        number = camera.split(" ")[3]
        firsts.append(camera.split(f"a=rtpmap:{number} ")[1].split("/")[0])
    assert firsts[1:] == ["H264", "VP8"]


def test_the_rule_of_sound_is_told_and_kept(page, url, stage):
    join(page, url)
    page.click("#settings-open")
    page.select_option("#sound-rule", "0")
    page.click("#settings .primary")
    expect(page.locator("#settings")).to_be_hidden()
    assert stage.said(Sound) == [Sound(forwarded=3), Sound(forwarded=0)]


def test_a_lost_server_is_found_again_with_the_same_place(page, stage):
    with on_stage(stage) as url:
        join(page, url)
        expect(page.locator('[data-member="m1"].live')).to_be_visible()
    expect(page.locator("#banner")).to_have_text(
        "Liaison avec le serveur perdue. Nouvelle tentative…"
    )
    expect(page.locator(".tile")).to_have_count(4)
    again = Stage()
    again.port = stage.port
    with on_stage(again):
        expect(page.locator("#banner")).to_have_text("Liaison rétablie.", timeout=20_000)
        assert again.said(Join)[0] == Join(
            room="4201", name="Claire", language="fr-FR", resume="token-1"
        )
        assert (True, True) in switched(again)


def test_an_end_by_an_operator_leads_back_to_the_first_screen(page, url, stage):
    join(page, url)
    stage.say(ended(EndCode.REPLACED))
    expect(page.get_by_role("alert")).to_have_text("Vous participez depuis une autre fenêtre.")
    expect(page.locator("#call")).to_be_hidden()


def test_without_permission_one_can_still_watch(page, url, stage):
    page.add_init_script("""
        navigator.mediaDevices.getUserMedia = () =>
          Promise.reject(new DOMException("no", "NotAllowedError"));""")
    page.goto(f"{url}/?room=4201&name=Claire")
    expect(page.locator("#device-warning")).to_contain_text(
        "Le navigateur refuse l'accès : micro, caméra."
    )
    page.click("#enter")
    expect(page.locator('[data-member="m1"].live')).to_be_visible()
    assert switched(stage)[0] == (False, False)
    page.keyboard.press("m")
    expect(page.locator("#banner")).to_contain_text("refuse l'accès : micro")


def test_an_address_without_https_is_explained(page, url, stage):
    page.goto(f"{url.replace('127.0.0.1', 'insecure.test')}/?room=4201&name=Claire")
    expect(page.locator("#device-warning")).to_contain_text("n'est pas sûre (https)")
    page.click("#enter")
    expect(page.locator('[data-member="m1"].live')).to_be_visible()


def test_joining_with_microphone_and_camera_off_sends_nothing(page, url, stage):
    page.goto(f"{url}/?room=4201&name=Claire")
    page.click("#lobby-mic")
    page.click("#lobby-cam")
    expect(page.locator("#preview-reason")).to_have_text("Caméra coupée")
    page.click("#enter")
    expect(page.locator("#cam")).to_have_text("Caméra coupée")
    expect(page.locator("#mic")).to_have_text("Micro coupé")
    assert switched(stage)[0] == (False, False)
    page.keyboard.press("v")
    until(page, lambda: page.evaluate(SENT_CODEC) == "video/H264")
    assert len(stage.said(Offer)) == 1


def test_a_permission_given_late_is_sent_late(page, url, stage):
    page.add_init_script("""
        const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
        const allowed = new Promise((resolve) => (window.allow = resolve));
        navigator.mediaDevices.getUserMedia = (wish) => allowed.then(() => ask(wish));""")
    join(page, url)
    expect(page.locator("#cam")).to_have_text("Caméra coupée")
    page.evaluate("allow()")
    expect(page.locator("#cam")).to_have_text("Caméra")
    until(page, lambda: page.evaluate(SENT_CODEC) == "video/H264")
    assert switched(stage)[0] == (False, False)
    assert switched(stage)[-1] == (True, True)


# ---- held rooms


def test_who_waits_is_told_so_and_may_stop_waiting(page, url, stage):
    page.goto(f"{url}/?room={HELD}&name=Anne")
    page.click("#enter")
    expect(page.locator("#refusal")).to_contain_text("Vous attendez devant la salle Conseil")
    expect(page.locator("#enter")).to_be_disabled()
    expect(page.locator("#stop-waiting")).to_be_focused()
    page.click("#stop-waiting")
    until(page, lambda: bool(stage.said(Leave)))
    expect(page.locator("#enter")).to_be_enabled()
    expect(page.locator("#stop-waiting")).to_be_hidden()


def test_a_moderator_sees_who_waits_and_decides(page, url, stage):
    join(page, url, MODERATED)
    door = Door(
        locked=False, waiting_room=True, waiting=(Visitor(member="m9", name="Claire Monnet"),)
    )
    stage.say(door)
    expect(page.locator("#manage")).to_have_text("1 en attente")
    expect(page.locator("#announcer")).to_have_text("Claire Monnet attend devant la salle.")
    page.click("#manage")
    expect(page.locator("#door-waiting")).to_be_checked()
    page.click('#door-list [data-act="admit"]')
    until(page, lambda: stage.said(Admit) == [Admit(member="m9")])
    page.click('#door-list [data-act="turn_away"]')
    until(page, lambda: stage.said(TurnAway) == [TurnAway(member="m9")])
    page.check("#door-locked")
    page.uncheck("#door-waiting")
    until(page, lambda: stage.said(Hold) == [Hold(locked=True), Hold(waiting_room=False)])
    page.click('#member-list [data-member="m1"] [data-act="take_voice"]')
    until(page, lambda: stage.said(Mute) == [Mute(member="m1", muted=True)])
    page.on("dialog", lambda dialog: dialog.accept())
    page.click('#member-list [data-member="m2"] [data-act="remove"]')
    until(page, lambda: stage.said(Remove) == [Remove(member="m2")])
    stage.say(door.model_copy(update={"waiting": ()}))
    expect(page.locator("#door-empty")).to_be_visible()
    expect(page.locator("#manage")).to_have_text("Modérer")


def test_nobody_else_sees_the_moderators_button(page, url, stage):
    join(page, url)
    expect(page.locator("#manage")).to_be_hidden()


def test_who_is_muted_by_a_moderator_is_told(page, url, stage):
    join(page, url)
    muted = YOU.model_copy(update={"muted": True})
    stage.say(Members(members=(*CAST, muted), you="m7"))
    expect(page.locator("#banner")).to_contain_text("personne ne vous entend")
    stage.say(Members(members=(*CAST, YOU), you="m7"))
    expect(page.locator("#banner")).to_have_text("On vous entend à nouveau.")


def test_the_page_says_which_way_sound_and_picture_come(page, url, stage):
    join(page, url)
    expect(page.locator("#way")).to_have_text("UDP")
    until(page, lambda: stage.said(Path) == [Path(way="udp")])
