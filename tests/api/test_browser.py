import pytest
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from sfu.api import browser as doors
from sfu.api.app import WebSettings, create_app
from sfu.api.auth import Gate
from sfu.signalling.webrtc.message import TEXT_MAX, EndCode, Join, Speaker, State, ended
from tests.api.house import ScriptedHouse

JOIN = {"type": "join", "room": "4201", "name": "Anne"}


@pytest.fixture
def house() -> ScriptedHouse:
    return ScriptedHouse()


@pytest.fixture
def client(house: ScriptedHouse) -> TestClient:
    app = create_app(house, WebSettings(origins=frozenset({"https://intranet.example"})))
    return TestClient(app, base_url="http://127.0.0.1")


def close_code(socket) -> int:
    """Read to the end."""
    while True:
        try:
            socket.receive_text()
        except WebSocketDisconnect as gone:
            return gone.code


def test_a_browser_joins_and_the_house_hears_it(client, house):
    with client.websocket_connect("/ws", headers={"user-agent": "Firefox"}) as socket:
        socket.send_json(JOIN)
        assert socket.receive_json()["member"] == "m7"
        assert socket.receive_json() == {
            "type": "layout", "wide": 3, "narrow": 3, "mix": 1, "pictures": 2,
        }  # fmt: skip
        socket.send_json({"type": "state", "microphone": True, "camera": False})
        socket.send_json({"type": "ping"})
        assert socket.receive_json() == {"type": "pong"}
    (browser,) = house.browsers
    assert browser.user_agent == "Firefox"
    assert browser.heard == [
        Join(room="4201", name="Anne"),
        State(microphone=True, camera=False),
    ]
    assert browser.gone == 1


def test_a_database_that_is_away_keeps_nobody_from_a_meeting(client, house, monkeypatch):
    async def away(gate, connection):
        raise ConnectionError("the database is away")

    monkeypatch.setattr(Gate, "identify", away)
    with client.websocket_connect("/ws") as socket:
        socket.send_json(JOIN)
        assert socket.receive_json()["member"] == "m7"
    assert house.organisers == [False]


def test_a_pin_is_asked_for_and_three_tries_are_all(client, house):
    with client.websocket_connect("/ws") as socket:
        codes = []
        for pin in (None, "1", "2", "3"):
            socket.send_json(JOIN | {"room": "4242", "pin": pin})
            codes.append(socket.receive_json()["code"])
        assert codes == ["pin_required", "wrong_pin", "wrong_pin", "too_many_tries"]
        assert close_code(socket) == 1008
    assert house.browsers[0].gone == 1


def test_leaving_is_said_and_then_closed(client):
    with client.websocket_connect("/ws") as socket:
        socket.send_json(JOIN)
        socket.send_json({"type": "leave"})
        assert close_code(socket) == 1000


def test_a_stopping_server_closes_so_that_pages_come_back(client, house):
    house.on_message = lambda browser, _: browser.send(ended(EndCode.SERVER_STOPPING))
    with client.websocket_connect("/ws") as socket:
        socket.send_json(JOIN)
        assert close_code(socket) == 1001


def test_what_is_no_message_is_refused_eight_times_and_then_not_heard(client):
    with client.websocket_connect("/ws") as socket:
        for _ in range(doors.BAD_MESSAGES_MAX):
            socket.send_text('{"type": "sing"}')
            assert socket.receive_json()["code"] == "bad_message"
        socket.send_json(JOIN)
        assert close_code(socket) == 1008


def test_bytes_that_are_no_text_are_refused(client):
    with client.websocket_connect("/ws") as socket:
        socket.send_bytes(b"\xff\x00")
        assert socket.receive_json()["code"] == "bad_message"


def test_an_offer_without_a_common_codec_is_unsupported(client):
    with client.websocket_connect("/ws") as socket:
        socket.send_json({"type": "offer", "sdp": "H263"})
        refusal = socket.receive_json()
    assert refusal["code"] == "unsupported"
    assert "no codec in common" in refusal["text"]


def test_a_message_over_the_cap_ends_it(client):
    with client.websocket_connect("/ws") as socket:
        socket.send_text("x" * (TEXT_MAX + 1))
        assert close_code(socket) == 1009


def test_a_flood_ends_it(client, house):
    with client.websocket_connect("/ws") as socket:
        for _ in range(doors.BURST + 20):
            socket.send_json({"type": "ping"})
        assert close_code(socket) == 1008
    assert house.browsers[0].gone == 1


def test_a_house_that_says_too_much_for_a_slow_browser_drops_it(client, house):
    def chatter(browser, _):
        for _ in range(doors.QUEUE_MAX + 2):
            browser.send(Speaker(member="m1"))

    house.on_message = chatter
    with client.websocket_connect("/ws") as socket:
        socket.send_json(JOIN)
        assert close_code(socket) == 1008


def test_who_never_joins_is_shown_out(client, monkeypatch):
    monkeypatch.setattr(doors, "JOIN_WITHIN_S", 0.01)
    with client.websocket_connect("/ws") as socket:
        assert close_code(socket) == 1008


@pytest.mark.parametrize(
    ("origin", "welcome"),
    [
        ("http://127.0.0.1", True),
        ("https://intranet.example", True),
        ("http://evil.example", False),
        ("http://127.0.0.1:81", False),
        ("null", False),
    ],
)
def test_only_our_own_page_may_connect(client, origin, welcome):
    headers = {"origin": origin}
    if welcome:
        with client.websocket_connect("ws://127.0.0.1/ws", headers=headers):
            return
    with (
        pytest.raises((WebSocketDisconnect, WebSocketDenialResponse)),
        client.websocket_connect("ws://127.0.0.1/ws", headers=headers),
    ):
        pass


def test_a_crowd_behind_one_address_is_held_back(client, monkeypatch):
    monkeypatch.setattr(doors, "PER_ADDRESS_MAX", 1)
    with (
        client.websocket_connect("/ws"),
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect("/ws"),
    ):
        pass
    with client.websocket_connect("/ws") as socket:
        socket.send_json({"type": "ping"})
        assert socket.receive_json() == {"type": "pong"}
