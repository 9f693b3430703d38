r"""A caller who is not in a room yet: what it is asked, hears and sees, and which keys it presses.

::

    RFC 4733, INFO, tones in the sound --> Keys --> Attendant | PinGate | Held --> enter, refuse
                                                       |  prompts --> MixDesk   spoken, with a tone
                                                       \- cards ----> Screen    shown

Behind the door nothing of it is left but the search for keys, which lasts a second more: the end of
the last tone is for nobody's ears.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import assert_never

import structlog

from sfu.model import RoomId, SinkId, Tone
from sfu.room import attendant, pin
from sfu.room.attendant import Attendant, Card, Prompt
from sfu.room.held import Held
from sfu.room.keys import Keys, Way
from sfu.shell.codec_leg import CodecLeg
from sfu.shell.mixdesk import MixDesk
from sfu.shell.patchbay import Patchbay
from sfu.shell.screen import Screen

log = structlog.get_logger()

LINGER_S = 1.0
CARDS = {pin.PinGate: Card.PIN, Held: Card.HELD}
TONES = {pin.Tone.ASK: Tone.PIN, pin.Tone.WRONG: Tone.PIN_WRONG}
PROMPTS = {pin.Tone.ASK: (Prompt.PIN,), pin.Tone.WRONG: (Prompt.WRONG, Prompt.PIN)}
OPENINGS = {
    Prompt.WELCOME: Tone.WELCOME,
    Prompt.UNKNOWN: Tone.PIN_WRONG,
    Prompt.WRONG: Tone.PIN_WRONG,
    Prompt.FULL: Tone.PIN_WRONG,
}
"""The tone before a prompt: it is heard even where the first word is lost."""


class Door:
    """One caller; `enter` is told the room where the attendant found one, `refuse` the reason.

    `mistaken` hears of each wrong PIN.
    """

    def __init__(
        self,
        leg: CodecLeg,
        core: Attendant | pin.PinGate | Held,
        around: tuple[Patchbay, MixDesk, Screen],
        languages: Iterable[str],
        clock: Callable[[], float],
        enter: Callable[[RoomId | None], None],
        refuse: Callable[[str], None],
        mistaken: Callable[[], None] = lambda: None,
    ) -> None:
        """Stand before it; nothing is said before `open`."""
        self._leg = leg
        self._core = core
        self._patchbay, self._desk, self._screen = around
        self._languages = tuple(languages)
        self._clock = clock
        self._enter, self._refuse, self._mistaken = enter, refuse, mistaken
        self._wrong = 0
        """Wrong PINs told of."""
        self._keys = Keys()
        self._card = CARDS.get(type(core), Card.NUMBER)
        self._sinks: set[SinkId] = set()
        """Where the card is shown."""
        self._left_at: float | None = None

    def open(self) -> None:
        """Media flows: say and show what is asked, listen for keys; again when media changed."""
        leg, now = self._leg, self._clock()
        place = leg.streams.mix
        if place is None:  # it holds
            self._desk.stop_listening(leg.member)
            self._desk.ignore_keys(leg.member)
        else:
            self._patchbay.want(place.sink, self._desk.listen(leg.member, place, {}))
        if place is not None and leg.streams.sound is not None:
            self._desk.watch_keys(leg.member, leg.streams.sound, partial(self.press, Way.SOUND))
        self._show()
        self._patchbay.flush(now)
        self._carry_out()

    def press(self, way: Way, key: str) -> None:
        """Take a key, whatever way it came."""
        now = self._clock()
        if self._left_at is None and self._keys.press(way, key, now):
            self._core.handle(pin.Pressed(key), now)
            self._carry_out()

    def full(self) -> None:
        """Stay before a room that takes nobody more: the attendant asks for another."""
        assert isinstance(self._core, Attendant)
        self._left_at = None
        self._core.handle(attendant.Full(), self._clock())
        self.open()

    @property
    def holds(self) -> bool:
        """Whether it is a waiting room's."""
        return isinstance(self._core, Held)

    @property
    def asks_for_rooms(self) -> bool:
        """Whether another room could be named."""
        return isinstance(self._core, Attendant)

    def tick(self, now: float) -> None:
        """Let time pass."""
        if self._left_at is None:
            self._core.tick(now)
            self._carry_out()
        elif now - self._left_at >= LINGER_S:
            self._desk.ignore_keys(self._leg.member)

    def close(self) -> None:
        """Let go of the caller: it is in, or gone."""
        if self._left_at is None:
            self._left_at = self._clock()
            self._show()

    def _spoken(self) -> None:
        if isinstance(self._core, Attendant) and self._left_at is None:
            self._core.handle(attendant.Finished(), self._clock())
            self._carry_out()

    # ---- what the core wants

    def _carry_out(self) -> None:
        wrong, self._wrong = self._core.wrong - self._wrong, self._core.wrong
        for _ in range(wrong):
            self._mistaken()
        for output in self._core.poll():
            if self._left_at is not None:
                return
            match output:
                case pin.PlayTone():
                    self._say(TONES[output.tone], PROMPTS[output.tone])
                case pin.Granted():
                    self._enter(None)
                case pin.Refused():
                    self._refuse(output.cause)
                case attendant.PlayPrompt(()):
                    self._desk.speak(self._leg.member, ())
                case attendant.PlayPrompt():
                    self._say(OPENINGS.get(output.prompts[0], Tone.PIN), output.prompts)
                case attendant.ShowCard():
                    self._card = output.card
                    self._show()
                case attendant.Enter():
                    self._enter(output.room)
                case attendant.Refuse():
                    self._refuse(output.reason)
                case _:
                    assert_never(output)

    def _say(self, tone: Tone, prompts: tuple[Prompt, ...]) -> None:
        self._desk.play_tone(self._leg.member, tone)
        names = [f"{language}/{one}" for language in self._languages for one in prompts]
        self._desk.speak(self._leg.member, tuple(names), self._spoken)

    def _show(self) -> None:
        """Show the card where there is a place for it, and nowhere once the caller has gone in."""
        now, wanted = self._clock(), set(self._leg.streams.pictures)
        if self._left_at is not None:
            wanted = set()
        for sink in self._sinks - wanted:
            self._screen.leave(sink)
        for sink in wanted:
            self._screen.show(sink, self._card, self._leg.capability, now)
        self._sinks = wanted
        self._patchbay.flush(now)
