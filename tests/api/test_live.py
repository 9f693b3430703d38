"""What operators do about a meeting: mute, pin, choose the layout, end; and what is refused."""

from dataclasses import replace

from sfu.api.live_view import VisitorView
from sfu.model import Role
from tests.api.house import LIVE

TERMS = {"priority": 9, "picture_max_bps": 300_000}


def test_a_meeting_is_seen_with_its_legs_and_its_lines(played):
    async def story(scene):
        async with scene.log_in(Role.READ_ONLY) as client:
            live = (await client.get("/api/v1/live")).json()
            hour = (await client.get("/api/v1/lines/morez/hour")).json()
            nowhere = (await client.get("/api/v1/lines/lyon/hour")).status_code
            return live, hour, nowhere

    live, hour, nowhere = played(story)
    leg = live["meetings"][0]["members"][0]
    assert (leg["name"], leg["maker"], leg["picture_from"]) == ("Mairie de Morez", "polycom", "ok")
    assert leg["steps"][0]["why"] == "line_down"
    assert live["lines"][0]["sent_bps"] == 620_000
    assert (len(hour["samples"]), hour["every_s"], nowhere) == (360, 10.0, 404)


def test_an_operator_mutes_pins_arranges_and_ends_and_it_is_written_down(played):
    async def story(scene):
        async with scene.log_in(Role.OPERATOR) as client:
            asked = [
                await client.patch("/api/v1/members/m1", json={"muted": True}),
                await client.patch("/api/v1/members/m99", json={"muted": True}),
                await client.patch("/api/v1/members/m1", json=TERMS),
                await client.patch(
                    "/api/v1/members/m1", json=TERMS | {"picture_floor_bps": 900_000}
                ),
                await client.patch("/api/v1/members/m1", json={"priority": 10}),
                await client.patch("/api/v1/meetings/4201", json={"pinned": "m2"}),
                await client.patch("/api/v1/meetings/4201", json={"layout": "round"}),
                await client.patch("/api/v1/meetings/4201", json={"pinned": "m99"}),
                await client.patch("/api/v1/meetings/4201", json={"layout": "mosaic"}),
                await client.patch("/api/v1/meetings/4999", json={}),
            ]
            [meeting] = (await client.get("/api/v1/live")).json()["meetings"]
            ended = [(await client.delete("/api/v1/meetings/4201")).status_code for _ in range(2)]
        async with scene.log_in(Role.ADMINISTRATOR) as client:
            deeds = (await client.get("/api/v1/audit")).json()
        return [one.status_code for one in asked], meeting, ended, deeds

    statuses, meeting, ended, deeds = played(story)
    assert statuses == [204, 404, 204, 400, 422, 204, 204, 400, 422, 404]
    assert meeting["members"][0]["terms"] == TERMS | {"picture_floor_bps": 0}
    assert (meeting["pinned"], meeting["layout"]) == ("m2", "round")
    assert meeting["members"][0]["muted"]
    assert ended == [204, 404]
    said = [(one["action"], one["target"], one["detail"]) for one in deeds]
    assert ("PATCH /api/v1/members/{member}", "m1", "muted") in said
    assert ("PATCH /api/v1/meetings/{room}", "4201", "pinned m2") in said
    words = "priority 9, picture_max_bps 300000"
    assert ("PATCH /api/v1/members/{member}", "m1", words) in said


def test_an_operator_locks_a_meeting_and_lets_in_who_waits(played):
    waiting = tuple(VisitorView(f"w{n}", f"Somebody {n}") for n in range(3))

    async def story(scene):
        scene.house.meetings["4201"] = replace(LIVE, waiting=waiting)
        async with scene.log_in(Role.OPERATOR) as client:
            asked = [
                await client.patch("/api/v1/meetings/4201", json={"locked": True}),
                await client.post("/api/v1/meetings/4201/waiting/w0"),
                await client.delete("/api/v1/meetings/4201/waiting/w2"),
                await client.post("/api/v1/meetings/4201/waiting/w0"),
                await client.delete("/api/v1/meetings/4999/waiting/w1"),
            ]
            [meeting] = (await client.get("/api/v1/live")).json()["meetings"]
        return [one.status_code for one in asked], meeting

    statuses, meeting = played(story)
    assert statuses == [204, 204, 204, 404, 404]
    assert meeting["locked"]
    assert meeting["waiting"] == [{"member": "w1", "name": "Somebody 1"}]


def test_how_one_may_log_in_is_told_to_everybody(played):
    async def story(scene):
        async with scene.client() as client:
            return (await client.get("/api/v1/session/ways")).json()

    assert played(story) == {"oidc": False}
