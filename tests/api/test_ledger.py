"""What meetings saved, over HTTP."""

import pytest
from starlette.testclient import TestClient

from sfu.api.app import WebSettings, create_app
from tests.api.house import ScriptedHouse


@pytest.fixture
def client() -> TestClient:
    return TestClient(create_app(ScriptedHouse(), WebSettings()), base_url="http://127.0.0.1")


def test_what_meetings_saved_is_split_as_asked(client):
    months = client.get("/api/v1/ledger?from=2026-01-01&to=2026-06-30").json()
    assert (months["by"], months["first_day"], months["last_day"]) == (
        "month", "2026-01-01", "2026-06-30",
    )  # fmt: skip
    assert (months["rows"][0]["key"], months["rows"][0]["km"]) == ("2026-01", 350)
    assert months["total"]["co2_kg"] == 630.496
    assert months["rule"]["venue"] == "room"
    sites = client.get("/api/v1/ledger?by=site").json()
    assert sites["titles"]["beziers"] == "Béziers"


def test_what_meetings_saved_is_a_table_too(client):
    answer = client.get("/api/v1/ledger?by=month&format=csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "ledger-2026-01-01-2026-12-31-month.csv" in answer.headers["content-disposition"]
    lines = answer.text.splitlines()
    assert lines[0] == "month,meetings,people,minutes,km,co2_kg"
    assert lines[-1] == "total,6,20,720,2584,630.5"


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("from=2026-03-02&to=2026-03-01", 400),
        ("from=March", 422),
        ("from=0001-01-01", 422),
        ("to=9999-12-31", 422),
        ("by=person", 422),
    ],
)
def test_a_ledger_of_no_days_or_of_people_is_not_kept(client, query, status):
    assert client.get(f"/api/v1/ledger?{query}").status_code == status
