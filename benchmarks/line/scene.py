"""What happens on the lines, and when; docs/performance.md says why so."""

from dataclasses import dataclass, field
from typing import Any

RATE_BPS, LOW_BPS = 2_000_000, 1_000_000
QUEUE_MS, DELAY_MS = 200.0, 15.0
LOSS = 0.02
OVERHEAD_BYTES = 16
NAMES = ("join", "steady", "step", "low", "back", "loss")
ENDS_S = (10.0, 40.0, 45.0, 60.0, 80.0, 100.0)


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of the scene that is judged by itself; seconds after everybody's join."""

    name: str
    begin: float
    end: float

    @property
    def lasts_s(self) -> float:
        return self.end - self.begin


@dataclass(frozen=True, slots=True)
class Change:
    """New settings of all lines, in both directions, as `tests/lab/sdsl.py` takes them."""

    at: float
    settings: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Variant:
    """What stands behind the lines besides three browsers."""

    name: str = "browsers"
    codecs: int = 0
    """The last so many sites have a room codec (baresip) too."""
    bulk_site: int = 0
    """A TCP download runs to this site from `steady` on; 0: none."""
    sites: int = 0
    """So many sites; 0: as many as the system is made for."""
    simulated: int = 0
    """The last so many have a simulated browser in place of Chromium."""
    speaker: int = 0
    """The site that alone speaks; 0: all do."""
    camera: tuple[int, int] = (640, 360)
    """Chromium's; a simulated one is always 1280x720."""
    least_height: int = 0
    """Lines that a large picture shall have: the speaker's, or all of two sites."""
    ends_s: tuple[float, ...] = ENDS_S


CAPACITY_ENDS_S = (28.0, 52.0)
"""Join and steady alone: the lines do not change.  Chromium takes 25 s to show 720 lines."""
VARIANTS = {
    one.name: one
    for one in (
        Variant(),
        Variant("codecs", codecs=2),
        Variant("bulk", bulk_site=2),
        Variant(
            "two", sites=2, simulated=1, camera=(1280, 720), least_height=720,
            ends_s=CAPACITY_ENDS_S,
        ),
        Variant(
            "four", sites=4, simulated=3, speaker=2, camera=(960, 540), least_height=360,
            ends_s=CAPACITY_ENDS_S,
        ),
    )
}  # fmt: skip
CAPACITY = ("two", "four")
"""What a line carries of a meeting of two and of four sites."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Phases and the changes between them."""

    ends_s: tuple[float, ...] = ENDS_S
    """When each phase of NAMES ends; fewer: the scene is shorter."""
    variant: Variant = field(default_factory=Variant)

    @property
    def phases(self) -> tuple[Phase, ...]:
        begins = (0.0, *self.ends_s)
        return tuple(map(Phase, NAMES, begins, self.ends_s))

    @property
    def seconds(self) -> float:
        return self.ends_s[-1]

    def phase(self, name: str) -> Phase | None:
        return next((one for one in self.phases if one.name == name), None)

    @property
    def changes(self) -> list[Change]:
        """A rate is told with its queue, or the queue would keep its bytes and double in time."""
        wanted = {
            "step": {"rate": LOW_BPS, "queue_ms": QUEUE_MS},
            "back": {"rate": RATE_BPS, "queue_ms": QUEUE_MS},
            "loss": {"loss": LOSS},
        }
        return [Change(one.begin, wanted[one.name]) for one in self.phases if one.name in wanted]
