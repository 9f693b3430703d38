"""What happens reaches other programs, signed, also when they or we were away."""

import asyncio
import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError
from structlog.testing import capture_logs

from sfu.shell import webhooks
from sfu.shell.news import Happening, NewsKind
from sfu.shell.store import Store
from sfu.shell.webhooks import GIVE_UP_S, WAITS_S, Webhook, Webhooks, secret_key, send, signed
from tests.databases import rows

pytestmark = pytest.mark.machine

SECRET = "whsec_" + base64.b64encode(b"twenty-four bytes of it!").decode()
HOOK = Webhook("ledger", "https://192.0.2.9/hook", SECRET)


class Far:
    """The other program: answers by script, 200 when that is over."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.got = []

    def __call__(self, url, body, headers):
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        self.got.append((json.loads(body), headers, answer))
        return answer


class Clock:
    now = 1_800_000_000.0

    def __call__(self):
        return self.now


def happening(room="4201", kind=NewsKind.MEETING_STARTED):
    return Happening(kind, 1_800_000_000.0, {"room": room, "name": "Éloïse"})


def played(url, far, story, hooks=(HOOK,)):
    async def whole():
        store = await Store.open(url)
        clock = Clock()
        try:
            return await story(Webhooks(store, hooks, far, clock), clock)
        finally:
            await store.close()

    return asyncio.run(whole())


def test_a_message_is_signed_so_that_another_library_knows_it():
    body = json.dumps(happening().view()).encode()
    import time

    headers = signed(SECRET, "msg_1", time.time(), body)
    assert Verifier(SECRET).verify(body, headers) == happening().view()
    for wrong in (body + b" ", body[:-1]):
        with pytest.raises(WebhookVerificationError):
            Verifier(SECRET).verify(wrong, headers)
    with pytest.raises(WebhookVerificationError):
        Verifier(SECRET).verify(body, {**headers, "webhook-id": "msg_2"})
    old = signed(SECRET, "msg_1", time.time() - 3600, body)
    with pytest.raises(WebhookVerificationError):
        Verifier(SECRET).verify(body, old)


def test_a_secret_is_base64_or_letters():
    assert secret_key(SECRET) == b"twenty-four bytes of it!"
    assert secret_key("just some letters") == b"just some letters"
    assert secret_key("whsec_!!!") == b"whsec_!!!"
    assert SECRET not in repr(HOOK)


def test_what_is_taken_is_kept_no_longer(url):
    far = Far()

    async def story(hooks, clock):
        hooks.take(happening("4201"))
        hooks.take(happening("4202"))
        return await hooks.deliver(HOOK), dict(hooks.outcomes)

    assert played(url, far, story) == (0.0, {("ledger", "delivered"): 2})
    assert [body["room"] for body, _, _ in far.got] == ["4201", "4202"]
    assert len({headers["webhook-id"] for _, headers, _ in far.got}) == 2
    assert rows(url, "select * from outbox") == []


def test_for_a_program_that_stays_away_the_newest_are_kept(url, monkeypatch):
    monkeypatch.setattr(webhooks, "MOST", 3)
    monkeypatch.setattr(webhooks, "TRIM_EACH", 4)
    other = Webhook("other", HOOK.url, SECRET)
    far = Far(*[503] * 9)

    async def story(hooks, clock):
        for number in range(4200, 4208):
            hooks.take(happening(str(number)))
        return await hooks.deliver(HOOK)

    assert played(url, far, story, (HOOK, other)) == WAITS_S[0]
    kept = rows(url, "select webhook, body from outbox order by id")
    for name in ("ledger", "other"):
        rooms = [json.loads(body)["room"] for hook, body in kept if hook == name]
        assert rooms == ["4205", "4206", "4207"]


def test_what_is_not_taken_is_tried_again_later_and_later_under_one_id(url):
    far = Far(503, ConnectionRefusedError("refused"), 302)

    async def story(hooks, clock):
        hooks.take(happening("4201"))
        hooks.take(happening("4202"))
        waits = []
        while wait := await hooks.deliver(HOOK):
            waits.append(wait)
            clock.now += wait
        return waits, dict(hooks.outcomes)

    with capture_logs() as said:
        waits, outcomes = played(url, far, story)
    assert waits == list(WAITS_S[:3])
    assert outcomes == {("ledger", "failed"): 3, ("ledger", "delivered"): 2}
    assert [body["room"] for body, _, _ in far.got] == ["4201", "4201", "4201", "4202"]
    assert len({headers["webhook-id"] for _, headers, _ in far.got}) == 2
    assert [line["event"] for line in said] == ["webhook_failed"]  # once, not each time


def test_after_a_day_it_is_given_up_and_said(url):
    far = Far(500, 500)

    async def story(hooks, clock):
        hooks.take(happening())
        await hooks.deliver(HOOK)
        clock.now += GIVE_UP_S
        return await hooks.deliver(HOOK), dict(hooks.outcomes)

    with capture_logs() as said:
        assert played(url, far, story) == (
            0.0,
            {("ledger", "failed"): 1, ("ledger", "given_up"): 1},
        )
    assert said[-1]["event"] == "webhook_given_up"
    assert rows(url, "select * from outbox") == []


def test_what_was_not_taken_is_told_after_a_restart(url):
    async def before(hooks, clock):
        hooks.take(happening())
        await hooks.deliver(HOOK)

    played(url, Far(500), before)
    assert rows(url, "select attempts from outbox") == [(1,)]
    far = Far()

    async def after(hooks, clock):
        wait = await hooks.deliver(HOOK)
        clock.now += wait
        return wait, await hooks.deliver(HOOK)

    assert played(url, far, after) == (WAITS_S[0], 0.0)
    assert [body["type"] for body, _, _ in far.got] == ["meeting_started"]


def test_a_hook_hears_what_it_asked_for_and_one_that_is_gone_nothing(url):
    some = Webhook("some", "https://192.0.2.9/a", SECRET, frozenset({"member_left"}))

    async def story(hooks, clock):
        for kind in NewsKind:
            hooks.take(happening(kind=kind))

    played(url, Far(), story, [some, HOOK])
    assert rows(url, "select webhook, count(*) from outbox group by webhook order by 1") == [
        ("ledger", 4),
        ("some", 1),
    ]

    async def later(hooks, clock):
        hooks.start()
        while rows(url, "select * from outbox"):
            await asyncio.sleep(0.01)
        await hooks.close()

    far = Far()
    played(url, far, later, [some])
    assert [body["type"] for body, _, _ in far.got] == ["member_left"]


def test_what_happens_is_told_at_once_while_it_runs(url):
    far = Far()

    async def story(hooks, clock):
        hooks.start()
        await asyncio.sleep(0.05)
        hooks.take(happening())
        while not far.got:
            await asyncio.sleep(0.005)
        await hooks.close()

    played(url, far, lambda *args: asyncio.wait_for(story(*args), 5))


class Receiver(BaseHTTPRequestHandler):
    got: list[tuple[str, bytes, str]] = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        type(self).got.append((self.path, body, self.headers["webhook-id"]))
        status = {"/ok": 204, "/moved": 302, "/broken": 500}[self.path]
        self.send_response(status)
        self.send_header("location", "/ok")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def test_a_post_goes_where_it_was_told_and_no_further():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        base = f"http://127.0.0.1:{server.server_port}"
        headers = {"webhook-id": "msg_1", "content-type": "application/json"}
        paths = ("/ok", "/moved", "/broken")
        assert [send(base + path, b"{}", headers) for path in paths] == [204, 302, 500]
        assert Receiver.got == [(path, b"{}", "msg_1") for path in paths]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    with pytest.raises(OSError, match="refused"):
        send(base + "/ok", b"{}", headers)


def test_a_fault_nobody_foresaw_does_not_end_the_telling(url, monkeypatch):
    monkeypatch.setattr(webhooks, "LOOK_EVERY_S", 0.01)
    far = Far(RuntimeError("unforeseen"))

    async def story(hooks, clock):
        hooks.start()
        hooks.take(happening())
        while not far.got:
            await asyncio.sleep(0.005)
        await hooks.close()

    with capture_logs() as said:
        played(url, far, lambda *args: asyncio.wait_for(story(*args), 5))
    assert [line["why"] for line in said] == ["unforeseen"]


def test_hooks_are_changed_while_it_runs(url):
    far, other = Far(), Webhook("other", "https://192.0.2.9/b", SECRET)

    async def story(hooks, clock):
        hooks.start()
        await hooks.change([other])
        hooks.take(happening())
        while not far.got:
            await asyncio.sleep(0.005)
        await hooks.close()
        return list(hooks.hooks)

    assert played(url, far, lambda *args: asyncio.wait_for(story(*args), 5)) == ["other"]
