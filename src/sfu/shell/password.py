"""Passwords: argon2id hashes (RFC 9106), and words made for who has none yet.

A hash takes 19 MiB and some 30 ms of a core, so they are reckoned one at a time in a thread:
a flood of logins waits in line and takes nothing from meetings.
"""

import asyncio
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from sfu.errors import PeerError

SHORTEST, LONGEST = 12, 256
LINE_MOST = 16
"""Who wait for their password to be reckoned: half a second or so."""
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is taken for another
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
"""As OWASP's list has it for argon2id."""


def make_password() -> str:
    """Make one of 20 letters, in fours: 98 bits."""
    groups = ("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(5))
    return "-".join(groups)


def hash_password(password: str) -> str:
    """Hash it with salt of its own."""
    return _HASHER.hash(password)


def verify(kept: str, password: str) -> bool:
    """Tell whether this is the password whose hash was kept; False for no hash at all."""
    try:
        return _HASHER.verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False


class Verifier:
    """Reckons with passwords one at a time; an unknown name takes as long as a known one."""

    def __init__(self) -> None:
        """Prepare the hash that nobody's password has."""
        self._one = asyncio.Lock()
        self._nobody = ""
        self._checking = 0

    async def hash(self, password: str) -> str:
        """Hash a new password."""
        async with self._one:
            return await asyncio.to_thread(hash_password, password)

    async def check(self, kept: str | None, password: str) -> bool:
        """Tell whether the password is right; None for an account that is not there.

        PeerError where too many are in line: those who ask by the thousand would fill the memory.
        """
        if self._checking >= LINE_MOST:
            raise PeerError("too many log in at once: try again in a moment", status=503)
        self._checking += 1
        try:
            async with self._one:
                return await self._check(kept, password)
        finally:
            self._checking -= 1

    async def _check(self, kept: str | None, password: str) -> bool:
        if not self._nobody:
            self._nobody = await asyncio.to_thread(hash_password, make_password())
        return await asyncio.to_thread(verify, kept or self._nobody, password) and bool(kept)
