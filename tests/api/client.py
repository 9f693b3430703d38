"""A house with real people in a real database, and clients of it at any address."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import TypeVar

import httpx
from sqlalchemy import insert

from sfu.api.app import WebSettings, create_app
from sfu.model import Role
from sfu.shell.password import hash_password
from sfu.shell.people import People
from sfu.shell.store import Store
from sfu.shell.tables import accounts
from tests.api.house import ScriptedHouse

T = TypeVar("T")

PASSWORD = "a long enough one"
FAR = "203.0.113.9"
NAMES = {role: role.value.replace("_", "") for role in Role}
"""An account for each role."""


class Scene:
    """One server; everybody talks to it over TLS, as far as it can tell."""

    def __init__(self, house: ScriptedHouse, directory: Path) -> None:
        self.house = house
        self.people = house.people
        self.directory = directory
        self.app = create_app(house, WebSettings(metrics=True))

    def client(self, address: str = FAR, token: str = "") -> httpx.AsyncClient:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, client=(address, 4711)),
            base_url="https://127.0.0.1",
            headers=headers,
        )

    async def token(self, role: Role) -> str:
        return (await self.people.make_token(role.value, role, "", None))[1]

    @asynccontextmanager
    async def log_in(self, role: Role, address: str = FAR) -> AsyncIterator[httpx.AsyncClient]:
        async with self.client(address) as client:
            wish = {"account": NAMES[role], "password": PASSWORD}
            answer = await client.post("/api/v1/session", json=wish)
            assert answer.status_code == 200, answer.text
            yield client


def played(url: str, story: Callable[[Scene], Awaitable[T]]) -> T:
    """Play a story in a house of its own that keeps there, with an account for each role."""

    async def whole() -> T:
        with tempfile.TemporaryDirectory() as folder:
            store = await Store.open(url)
            people = People(store, Path(folder))
            everybody = [*NAMES.items(), (Role.ADMINISTRATOR, "admin")]
            await store.change(insert(accounts), [_row(name, role) for role, name in everybody])
            house = ScriptedHouse(people=people)
            try:
                return await story(Scene(house, Path(folder)))
            finally:
                await store.close()

    return asyncio.run(whole())


@cache
def _hash() -> str:
    return hash_password(PASSWORD)


def _row(name: str, role: Role) -> dict[str, object]:
    row = {"name": name, "role": role.value, "password": _hash(), "subject": ""}
    return {**row, "created_at": 1_800_000_000.0}
