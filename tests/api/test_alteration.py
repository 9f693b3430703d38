"""Rooms, units, sites and lines by the API: who may see, who may change, what is refused."""

import json

import pytest

from sfu.model import Role

HOUSE = "/api/v1/house"


def test_an_operator_sees_the_house_and_no_pin(played):
    async def story(scene):
        async with scene.log_in(Role.OPERATOR) as client:
            return (await client.get(HOUSE)).json()

    items = played(story)
    assert [(one["kind"], one["key"]) for one in items] == [
        ("room", "4201"), ("endpoint", "21"), ("site", "morez"), ("line", "morez"),
    ]  # fmt: skip
    assert items[0]["secrets"] == ["pin"]
    assert "4711" not in str(items)


def test_an_administrator_changes_it_and_takes_it_back_and_it_is_written_down(played):
    async def story(scene):
        async with scene.log_in(Role.ADMINISTRATOR) as client:
            room = f"{HOUSE}/room/4201"
            put = await client.put(room, json={"name": "Bureau", "pin": "998877"})
            gone = await client.delete(f"{HOUSE}/endpoint/21")
            back = await client.delete(room, params={"undo": True})
            again = await client.delete(room, params={"undo": True})
            items = (await client.get(HOUSE)).json()
            deeds = (await client.get("/api/v1/audit")).json()
        return put, [one.status_code for one in (gone, back, again)], items, deeds

    put, statuses, items, deeds = played(story)
    assert put.json()["values"]["name"] == "Bureau"
    assert (put.json()["of_file"], put.json()["altered"]) == (True, True)
    assert statuses == [204, 204, 404]
    assert [one["key"] for one in items] == ["4201", "morez", "morez"]
    assert items[0]["values"]["name"] == "Conseil"
    said = {(one["action"], one["target"], one["detail"]) for one in deeds}
    assert ("PUT /api/v1/house/{kind}/{key}", "room 4201", "name Bureau") in said
    assert "998877" not in str(deeds)


@pytest.mark.parametrize(
    ("path", "body", "status", "why"),
    [
        ("room/42a", {}, 400, "room[2].number"),
        ("room/4300", {"site": "lyon"}, 400, "no [[site]] has the name lyon"),
        ("room/4300", {"colour": "\ud800"}, 400, "console"),
        ("room/4300", {"\ud800": 1}, 400, "console"),
        ("site/a%0Ab", {}, 400, "a name of 1 to 64 letters"),
        (f"site/{'x' * 65}", {}, 422, ""),
        ("trunk/x", {}, 422, ""),
        ("room/4300", [], 422, ""),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(played, path, body, status, why):
    async def story(scene):
        async with scene.log_in(Role.ADMINISTRATOR) as client:
            headers = {"content-type": "application/json"}
            return await client.put(f"{HOUSE}/{path}", content=json.dumps(body), headers=headers)

    answer = played(story)
    assert answer.status_code == status, answer.text
    assert why in answer.text
    assert "\n" not in answer.text.strip()
