"""Webhooks: what happens is posted to other programs, signed, until they have taken it.

::

    News --take--> outbox (a table) --due--> POST --2xx--> row deleted
                       ^                      |
                       +---- later, and later-+--- a day old: given up, counted, logged

Signed as standardwebhooks.com says: the HMAC of id, time and body, so that who takes it knows that
it is ours, whole, and not an old one played again.  A message may come twice, under one id.  While
a hook does not take one, the others for it wait: it is away, and would be asked for nothing.
"""

import asyncio
import base64
import binascii
import hmac
import json
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

import structlog
from sqlalchemy import RowMapping, delete, insert, select, update

from sfu.shell.ask import ask
from sfu.shell.database import words
from sfu.shell.news import Happening
from sfu.shell.store import Store
from sfu.shell.tables import outbox
from sfu.shell.tasks import end, spawn

WAITS_S = (5.0, 30.0, 120.0, 600.0)
"""After the first failure, the second...; the last one again and again."""
GIVE_UP_S = 86_400.0
AT_ONCE = 20
"""Rows that are read at a time."""
MOST, TRIM_EACH = 10_000, 500
"""Messages kept for a hook that is away, give or take what came since they were counted last; the
oldest go."""
LOOK_EVERY_S = 60.0
SECRET_PREFIX = "whsec_"

log = structlog.get_logger()

Post = Callable[[str, bytes, Mapping[str, str]], int]
"""Posts a body; gives the status, or raises OSError or ValueError."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """Whom to tell."""

    name: str
    url: str
    secret: str = field(repr=False)
    kinds: frozenset[str] = frozenset()
    """What it is told; empty: everything."""


class Webhooks:
    """Keeps what is to be told, and tells it; one per server."""

    def __init__(
        self,
        store: Store,
        hooks: Sequence[Webhook],
        post: "Post | None" = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Tell these hooks; `post` sends, `clock` gives seconds since 1970."""
        self.outcomes: Counter[tuple[str, str]] = Counter()
        """(hook, delivered | failed | given_up), since the start."""
        self._store = store
        self._post = post or send
        self._clock = clock
        self._tasks: list[asyncio.Task[None]] = []
        self._count = count()
        self._taken: Counter[str] = Counter()
        self._know(hooks)

    def _know(self, hooks: Sequence[Webhook]) -> None:
        self.hooks = {hook.name: hook for hook in hooks}
        self._wanted = {hook.name: asyncio.Event() for hook in hooks}

    async def change(self, hooks: Sequence[Webhook]) -> None:
        """Tell these from now on; what waits for one that is no more is forgotten."""
        self._know(hooks)
        await self.close()
        self.start()

    def take(self, happening: Happening) -> None:
        """Keep what happened for who wants it; does not wait."""
        for hook in self.hooks.values():
            if hook.kinds and happening.kind not in hook.kinds:
                continue
            now = self._clock()
            row = {
                "id": self._new_id(now),
                "webhook": hook.name,
                "body": json.dumps(happening.view(), ensure_ascii=False),
                "created_at": now,
                "attempts": 0,
                "next_at": now,
            }
            self._store.put(insert(outbox), row)
            self._wanted[hook.name].set()
            self._taken[hook.name] += 1
            if self._taken[hook.name] % TRIM_EACH == 0:
                self._trim(hook)

    def _trim(self, hook: Webhook) -> None:
        mine = outbox.c.webhook == hook.name
        kept = select(outbox.c.id).where(mine).order_by(outbox.c.id.desc()).limit(MOST)
        self._store.put(delete(outbox).where(mine, outbox.c.id.not_in(kept)), {})

    def _new_id(self, now: float) -> str:
        """Make an id of a message; they sort by age."""
        return f"msg_{int(now * 1000):012x}{next(self._count) & 0xFFFF:04x}{secrets.token_hex(6)}"

    def start(self) -> None:
        """Tell until `close`; what an earlier run of the server could not goes first."""
        gone = delete(outbox).where(outbox.c.webhook.not_in(list(self.hooks)))
        self._store.put(gone, {})
        self._tasks = [
            spawn(f"webhook {hook.name}", self._serve(hook)) for hook in self.hooks.values()
        ]

    async def close(self) -> None:
        """Tell no more; what is left is told at the next start."""
        await end(*self._tasks)

    async def _serve(self, hook: Webhook) -> None:
        """Tell one hook; a slow one keeps no other waiting."""
        wanted = self._wanted[hook.name]
        while True:
            wanted.clear()
            try:
                wait = await self.deliver(hook)
            except Exception as error:  # the database, or ourselves: the next look may go well
                log.error("webhook_failed", webhook=hook.name, why=words(error))
                wait = LOOK_EVERY_S
            if wait:
                await asyncio.sleep(wait)
            else:
                await wanted.wait()

    async def deliver(self, hook: Webhook) -> float:
        """Post what is due to a hook; return how long to leave it alone, 0 where all is told."""
        mine = select(outbox).where(outbox.c.webhook == hook.name)
        oldest = mine.order_by(outbox.c.id).limit(AT_ONCE)
        while rows := await self._store.read(oldest):
            for row in rows:
                early = row["next_at"] - self._clock()  # tried before a restart
                if wait := early if early > 0 else await self._try(hook, row):
                    return wait
        return 0.0

    async def _try(self, hook: Webhook, row: RowMapping) -> float:
        """Post one message; 0 where it went or will never go, else when to try again."""
        now, body = self._clock(), row["body"].encode()
        headers = {"content-type": "application/json", **signed(hook.secret, row["id"], now, body)}
        try:
            status = await asyncio.to_thread(self._post, hook.url, body, headers)
            why = f"answered {status}"
        except (OSError, ValueError) as error:
            status, why = 0, str(getattr(error, "reason", error)) or type(error).__name__
        mine = outbox.c.id == row["id"]
        if 200 <= status < 300:
            self.outcomes[hook.name, "delivered"] += 1
            await self._store.change(delete(outbox).where(mine))
            return 0.0
        if now - row["created_at"] >= GIVE_UP_S:
            self.outcomes[hook.name, "given_up"] += 1
            log.error("webhook_given_up", webhook=hook.name, message=row["id"], why=why)
            await self._store.change(delete(outbox).where(mine))
            return 0.0
        self.outcomes[hook.name, "failed"] += 1
        if not row["attempts"]:
            log.warning("webhook_failed", webhook=hook.name, message=row["id"], why=why)
        wait = WAITS_S[min(row["attempts"], len(WAITS_S) - 1)]
        again = {"attempts": row["attempts"] + 1, "next_at": now + wait}
        await self._store.change(update(outbox).where(mine).values(again))
        return wait


def signed(secret: str, message: str, now: float, body: bytes) -> dict[str, str]:
    """Give the three headers by which a message is known to be ours (Standard Webhooks 1.0)."""
    at = str(int(now))
    told = f"{message}.{at}.".encode() + body
    digest = hmac.digest(secret_key(secret), told, "sha256")
    return {
        "webhook-id": message,
        "webhook-timestamp": at,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def secret_key(secret: str) -> bytes:
    """Read a secret: base64 after "whsec_", else its letters."""
    if secret.startswith(SECRET_PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
        except binascii.Error:
            pass
    return secret.encode()


def send(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Post, and give the status it was answered."""
    return ask(url, body, headers)[0]
