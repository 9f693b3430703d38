"""Settings read again and going down, as an administrator asks for them."""

from sfu.model import Role

ADMIN = Role.ADMINISTRATOR


def test_a_reload_says_what_counts_and_what_waits(played):
    async def story(scene):
        async with scene.client(token=await scene.token(ADMIN)) as client:
            answer = await client.post("/api/v1/reload")
        return answer.status_code, answer.json(), await scene.people.audit.lines(1)

    status, said, (line,) = played(story)
    assert (status, said) == (200, {"live": ["room"], "restart": ["http.tls_port"]})
    assert (line.action, line.detail) == ("POST /api/v1/reload", "room")


def test_wrong_settings_are_said_in_their_own_words(played):
    async def story(scene):
        scene.house.fault = "sfu.toml: http.tls_prot: unknown key"
        async with scene.client(token=await scene.token(ADMIN)) as client:
            return await client.post("/api/v1/reload")

    answer = played(story)
    assert answer.status_code == 400
    assert answer.json() == {"detail": "sfu.toml: http.tls_prot: unknown key"}


def test_a_server_goes_down_and_is_called_back(played):
    async def story(scene):
        async with scene.client(token=await scene.token(ADMIN)) as client:
            begun = await client.post("/api/v1/drain", json={"within_s": 60})
            seen = await client.get("/api/v1/drain")
            back = await client.delete("/api/v1/drain")
            never = await client.post("/api/v1/drain", json={"within_s": -1})
        return begun.json(), seen.json(), back.json(), never.status_code

    begun, seen, back, never = played(story)
    assert begun == seen == {"draining": True, "people": 2, "left_s": 60.0}
    assert back["draining"] is False
    assert never == 422
