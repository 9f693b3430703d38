import pytest
from starlette.testclient import TestClient

from sfu.api.app import WebSettings, create_app
from tests.api.house import ScriptedHouse


@pytest.fixture
def house() -> ScriptedHouse:
    return ScriptedHouse()


@pytest.fixture
def client(house: ScriptedHouse) -> TestClient:
    app = create_app(house, WebSettings(names=frozenset({"sfu.example"})))
    return TestClient(app, base_url="http://127.0.0.1")


def test_rooms_show_who_is_in_them(client):
    (room,) = client.get("/api/v1/rooms").json()
    assert room["room"] == "4201"
    assert [member["name"] for member in room["members"]] == ["Morez"]


def test_calls_that_last_have_no_end(client):
    (call,) = client.get("/api/v1/calls?limit=5").json()
    assert call["ended_at"] is None
    assert call["duration_s"] == 3.5


def test_a_trunk_that_is_down_says_why(client):
    (trunk,) = client.get("/api/v1/trunks").json()
    assert (trunk["trunk"], trunk["registered"], trunk["reason"]) == ("pbx", False, "no answer")


def test_a_line_tells_who_has_less_than_it_wants_and_what_it_would_bear_more(client):
    (line,) = client.get("/api/v1/lines").json()
    assert (line["line"], line["down_bps"], line["framing"]) == ("morez", 2_000_000, "atm")
    assert line["pictures"][0]["rung"] == "small"
    assert line["next_codec"]["outcome"] == "full"


def test_calls_nobody_has_made_are_weighed(client):
    found = client.get("/api/v1/lines/morez/admission?codecs=2&browsers=1").json()
    assert (found["outcome"], found["required_bps"]) == ("refused", 302_000)
    assert client.get("/api/v1/lines/elsewhere/admission").status_code == 404
    assert client.get("/api/v1/lines/morez/admission?codecs=101").status_code == 422


@pytest.mark.parametrize("limit", ["0", "1001", "x"])
def test_a_limit_out_of_range_is_refused(client, limit):
    assert client.get(f"/api/v1/calls?limit={limit}").status_code == 422


def test_dialling_out_tells_of_the_answer(client, house):
    answer = client.post("/api/v1/calls", json={"target": " 5001 ", "room": "4201"})
    assert answer.status_code == 201
    assert answer.json()["answered"] is True
    assert house.dialled == [("5001", "4201")]


def test_a_call_not_taken_is_a_502_with_the_reason(client):
    answer = client.post("/api/v1/calls", json={"target": "busy", "room": "4201"})
    assert answer.status_code == 502
    assert answer.json()["reason"] == "busy"
    assert answer.json()["status"] == 486


def test_a_room_that_cannot_be_is_a_400(client):
    answer = client.post("/api/v1/calls", json={"target": "5001", "room": "9"})
    assert answer.status_code == 400
    assert answer.json() == {"detail": "there is no room 9"}


def test_hanging_up_a_call_that_is_not_there_is_a_404(client):
    assert client.delete("/api/v1/calls/9").status_code == 204
    assert client.delete("/api/v1/calls/8").status_code == 404


def test_a_codec_is_sent_elsewhere(client, house):
    answer = client.post("/api/v1/members/m1/transfer", json={"target": " 4202 "})
    assert (answer.status_code, answer.json()["done"]) == (200, True)
    assert house.transferred == [("m1", "4202")]
    busy = client.post("/api/v1/members/m1/transfer", json={"target": "busy"})
    assert (busy.status_code, busy.json()["status"]) == (502, 486)
    nowhere = client.post("/api/v1/members/m1/transfer", json={"target": "nowhere"})
    assert nowhere.status_code == 400
    assert client.post("/api/v1/members/m9/transfer", json={"target": "1"}).status_code == 404
    assert client.post("/api/v1/members/m1/transfer", json={}).status_code == 422


def test_a_stranger_needs_an_account(client, house):
    house.trusted = frozenset()
    assert client.get("/api/v1/rooms").status_code == 401
    dial = client.post("/api/v1/calls", json={"target": "5001", "room": "4201"})
    assert dial.status_code == 401
    assert dial.headers["www-authenticate"].startswith("Basic")
    assert house.dialled == []
    assert client.get("/api/v1/rooms", auth=("ops", "wrong")).status_code == 401
    assert client.get("/api/v1/rooms", auth=("ops", "secret")).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1"}, 200),
        ({"host": "rebound.example"}, 403),
        ({"host": "rebound.example", "origin": "http://rebound.example"}, 403),
        ({"host": "sfu.example:8443"}, 200),
        ({"host": "[::1]:8080"}, 200),
        ({"host": "localhost:8080"}, 200),
        ({"host": "[bad"}, 403),
    ],
)
def test_foreign_pages_cannot_use_the_trust_in_loopback(client, headers, status):
    assert client.get("/api/v1/rooms", headers=headers).status_code == status


def test_a_body_without_end_is_not_read(client):
    long = client.post("/api/v1/calls", content=b"x" * 70_000)
    assert long.status_code == 413
    endless = client.post("/api/v1/calls", content=iter([b"x"]))
    assert endless.status_code == 413


def test_the_description_names_every_route(client):
    paths = client.get("/api/v1/openapi.json").json()["paths"]
    assert {"/api/v1/rooms", "/api/v1/calls", "/api/v1/calls/{call}", "/healthz"} <= set(paths)
