"""Links by which guests come into one room for a time, without its PIN.

A link carries room and end, signed by a key of the data directory: nothing is kept of it, and a new
key ends all of them.  What it opens is the page's way in; PIN and number stay for everybody else.
"""

import base64
import hmac
import os
from pathlib import Path

from sfu.model import RoomId
from sfu.shell.fault import naming
from sfu.shell.people import write_secret

LONGEST = 128
MODERATES = "m"
"""Behind the end, in the words of moderators."""
KEY_FILE = "invitation.key"
_CONTEXT = b"sfu invitation 1\0"


class Invitations:
    """Makes links and knows its own."""

    def __init__(self, key: bytes = b"") -> None:
        """Sign by this key; without one, links end with the process."""
        self._key = key or os.urandom(32)

    @classmethod
    def kept(cls, directory: Path) -> "Invitations":
        """Sign by the key of this directory, made where there is none."""
        path = directory / KEY_FILE
        with naming(f"{path}"):
            if not path.exists():
                write_secret(path, os.urandom(32).hex())
            return cls(path.read_bytes().strip())

    def make(self, room: RoomId, until: float, *, moderates: bool = False) -> str:
        """Give the word that opens a room until a time, in seconds since 1970.

        `moderates`: who comes by it decides who else comes in.
        """
        told = f"{room}.{int(until)}{MODERATES if moderates else ''}"
        return f"{told}.{self._sign(told)}"

    def moderates(self, word: str, room: RoomId, now: float) -> bool:
        """Tell whether who comes into this room by a word moderates it."""
        told = word.rpartition(".")[0]
        return self.opens(word, room, now) and told.endswith(MODERATES)

    def opens(self, word: str, room: RoomId, now: float) -> bool:
        """Tell whether a word opens this room now."""
        told, _, signature = word.rpartition(".")
        if len(word) > LONGEST or not hmac.compare_digest(
            signature.encode("utf-8", "replace"), self._sign(told).encode()
        ):
            return False
        named, _, until = told.removesuffix(MODERATES).rpartition(".")
        return named == room and now < int(until)  # it is ours: it can be read

    def _sign(self, told: str) -> str:
        told_bytes = _CONTEXT + told.encode("utf-8", "replace")
        digest = hmac.digest(self._key, told_bytes, "sha256")
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
