"""Port 80: a challenge's file and nothing else of the disk; everybody else is sent to the page."""

import asyncio
import os

import httpx
import pytest

from sfu.api.challenge import PLACE, challenge_app


@pytest.fixture
def webroot(tmp_path):
    (tmp_path / "root" / PLACE).mkdir(parents=True)
    (tmp_path / "root" / PLACE / "To_ken-1").write_bytes(b"To_ken-1.thumb")
    (tmp_path / "secret").write_text("not yours")
    return tmp_path / "root"


def ask(webroot, path, method="GET", port=8443, host="visio.example.org"):
    async def story():
        transport = httpx.ASGITransport(challenge_app(webroot, port))
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
            return await client.request(method, path)

    return asyncio.run(story())


def test_a_challenge_is_answered_with_its_file(webroot):
    answer = ask(webroot, f"/{PLACE}/To_ken-1")
    assert (answer.status_code, answer.content) == (200, b"To_ken-1.thumb")
    assert answer.headers["content-type"].startswith("text/plain")
    assert ask(webroot, f"/{PLACE}/other").status_code == 404


@pytest.mark.parametrize("name", ["..%2F..%2F..%2Fsecret", "../../../secret", "a/b", "", "x" * 129])
def test_nothing_else_of_the_disk_is_read(webroot, name):
    answer = ask(webroot, f"/{PLACE}/{name}")
    assert answer.status_code in (308, 404)
    assert b"not yours" not in answer.content


def test_a_link_out_of_the_place_is_not_followed(webroot):
    os.symlink(webroot.parent / "secret", webroot / PLACE / "link")
    assert ask(webroot, f"/{PLACE}/link").status_code == 404


def test_a_folder_or_a_pipe_is_no_challenge(webroot):
    (webroot / PLACE / "folder").mkdir()
    os.mkfifo(webroot / PLACE / "pipe")
    assert ask(webroot, f"/{PLACE}/folder").status_code == 404
    assert ask(webroot, f"/{PLACE}/pipe").content == b""


@pytest.mark.parametrize(
    ("port", "there"),
    [(8443, "https://visio.example.org:8443/?room=4201"),
     (443, "https://visio.example.org/?room=4201")],
)  # fmt: skip
def test_everybody_else_is_sent_to_the_page(webroot, port, there):
    answer = ask(webroot, "/?room=4201", port=port)
    assert (answer.status_code, answer.headers["location"]) == (308, there)


def test_nothing_is_taken(webroot):
    assert ask(webroot, f"/{PLACE}/To_ken-1", "POST").status_code == 405
