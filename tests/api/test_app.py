import pytest
from starlette.testclient import TestClient

from sfu.api.app import WebSettings, create_app
from sfu.api.house import House
from tests.api.house import ScriptedHouse

LOCAL = "http://127.0.0.1"


def client(house: House | None = None, **settings: object) -> TestClient:
    app = create_app(house or ScriptedHouse(), WebSettings(**settings))  # type: ignore[arg-type]
    return TestClient(app, base_url=LOCAL)


def test_the_page_is_served_with_a_policy_that_lets_in_nobody_else():
    page = client().get("/?room=4201")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert "ws://127.0.0.1" in page.headers["content-security-policy"]
    assert "camera=(self)" in page.headers["permissions-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"


def test_a_page_the_browser_has_is_not_sent_again():
    first = client().get("/")
    again = client().get("/", headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304
    assert not again.content


def test_a_page_is_packed_only_for_who_unpacks_it():
    plain = client().get("/", headers={"accept-encoding": "identity"})
    packed = client().get("/", headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == plain.content


@pytest.mark.parametrize(
    "path",
    ["/../model.py", "/..%2fmodel.py", "/%2e%2e/model.py", "//etc/passwd", "/__init__.py", "/x"],
)
def test_nothing_but_the_pages_files_can_be_asked_for(path):
    assert client().get(path).status_code == 404


def test_a_strange_host_header_does_not_enter_the_policy():
    page = client().get("/", headers={"host": "a;script-src *"})
    assert "script-src *" not in page.headers["content-security-policy"]


def test_healthz_answers_while_the_process_lives():
    assert client().get("/healthz").json() == {"status": "ok"}


def test_readyz_gives_the_reasons_why_not():
    house = ScriptedHouse()
    assert client(house).get("/readyz").json() == {"ready": True, "reasons": []}
    house.reasons.append("no mixer")
    not_ready = client(house).get("/readyz")
    assert not_ready.status_code == 503
    assert not_ready.json() == {"ready": False, "reasons": ["no mixer"]}


def test_metrics_answer_only_where_the_listener_has_them():
    assert client().get("/metrics").status_code == 404
    answer = client(metrics=True).get("/metrics")
    assert answer.text == "sfu_rooms 1\n"
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
