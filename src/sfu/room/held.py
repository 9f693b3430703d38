r"""A caller before a room that holds who comes: it sees a card, and may type a moderator's PIN.

::

    held --digits #, or digits that are the PIN--> Granted     a room without such a PIN: never
      \-digits #, wrong, TRIES times--> held, deaf to keys     others may still let it in
"""

from collections import deque
from collections.abc import Iterator

from sfu.room.directory import is_same_pin
from sfu.room.pin import MOST_DIGITS, TRIES, Granted, Pressed


class Held:
    """One caller; whoever lets it in or sends it away does so from outside."""

    def __init__(self, moderator_pin: str = "", tries: int = TRIES) -> None:
        """Show the card; an empty PIN opens to nobody."""
        self.wrong = 0
        """Wrong PINs so far."""
        self._pin = moderator_pin
        self._tries = tries
        self._digits = ""
        self._outputs: deque[Granted] = deque()

    def handle(self, event: Pressed, now: float) -> None:
        """Take a key."""
        if not self._pin or self.wrong >= self._tries:
            return
        if event.digit == "*":
            # a whole PIN's worth of digits was a guess, whatever is pressed behind it
            self.wrong += len(self._digits) >= len(self._pin)
            self._digits = ""
        elif event.digit == "#":
            if self._digits and not self._opens():
                self.wrong += 1
            self._digits = ""
        elif event.digit.isdigit():
            self._digits = (self._digits + event.digit)[:MOST_DIGITS]
            self._opens()

    def tick(self, now: float) -> None:
        """Let time pass: who waits too long is sent away by its waiting room."""

    def poll(self) -> Iterator[Granted]:
        """Yield what the shell must do."""
        while self._outputs:
            yield self._outputs.popleft()

    def _opens(self) -> bool:
        if not is_same_pin(self._pin, self._digits):
            return False
        self._digits, self._pin = "", ""  # once is enough
        self._outputs.append(Granted())
        return True
