"""The figures Haut-Languedoc reported: six meetings, 2,584 km, 0.63 t of CO2.

Which six meetings it were nobody wrote down.  These are COMPOSED so that the kilometres add up by
the distances and the rule of config/haut-languedoc.toml; the CO2 is not composed, it follows.
"""

from zoneinfo import ZoneInfo

from sfu.config import load
from sfu.ledger import By, report
from sfu.shell.ledger import roads_of, rule_of
from tests.config.test_settings import CONFIG
from tests.ledger.people import HOUR, meeting, stay

DAY = 24 * HOUR
COMPOSED = (
    ("montpellier", "beziers"),
    ("montpellier", "montpellier"),
    ("toulouse", "castres"),
    ("montpellier", "narbonne", "olonzac"),
    ("montpellier", "narbonne", "beziers"),
    ("montpellier", "toulouse"),
)


def test_six_meetings_of_2584_km_leave_063_t_of_co2_where_it_was():
    settings = load(CONFIG / "haut-languedoc.toml", {})
    (room,) = settings.room
    held = [
        meeting(
            *(stay(site, 0, 2 * HOUR) for site in ("saint-pons", *others)),
            organisation=settings.organisation_of(room.number), home=room.site, began=21 * DAY * n,
        )
        for n, others in enumerate(COMPOSED)
    ]  # fmt: skip
    zone = ZoneInfo(settings.timezone)
    made = report(held, By.ORGANISATION, rule_of(settings), roads_of(settings), zone)
    assert (made.total.meetings, made.total.km) == (6, 2584)
    assert f"{made.total.co2_kg / 1000:.2f}" == "0.63"
    assert made.unknown_roads == ()
    assert [row.key for row in made.rows] == ["Minervois au Caroux"]
