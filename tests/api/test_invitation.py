import pytest

from sfu.model import Role


def test_an_organiser_makes_a_link_for_guests(played):
    async def story(scene):
        async with scene.log_in(Role.ORGANISER) as client:
            wish = {"room": "4201", "hours": 2}
            made = await client.post("/api/v1/invitations", json=wish)
        return made.status_code, made.json(), (await scene.people.audit.lines(1))[0]

    status, made, line = played(story)
    assert (status, made["room"]) == (201, "4201")
    assert made["link"] == "https://127.0.0.1/?room=4201&invitation=4201.word"
    assert made["expires_at"] > "2026"
    assert (line.detail, "word" in str(line)) == ("into 4201 for 2.0 h", False)


@pytest.mark.parametrize(
    ("wish", "status"),
    [({"room": "9"}, 400), ({"room": "4201", "hours": 0}, 422), ({"hours": 1}, 422)],
)
def test_a_link_to_nowhere_is_not_made(played, wish, status):
    async def story(scene):
        async with scene.log_in(Role.ORGANISER) as client:
            return (await client.post("/api/v1/invitations", json=wish)).status_code

    assert played(story) == status
