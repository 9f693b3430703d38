"""One simulated browser in the echo room: whether it sees and hears itself."""

from sfu.probe.member import SimulatedMember
from sfu.probe.picture import Colour

COLOUR: Colour = (60, 160, 90)
TONE_HZ = 660.0
WITHIN_S = 20.0


async def see_oneself(url: str, room: str) -> str:
    """Join, wait for our own picture and tone; return what is missing, "" for nothing."""
    member = SimulatedMember("doctor", COLOUR, TONE_HZ)
    try:
        await member.join(url, room)
        try:
            await member.until(lambda: member.sees(COLOUR) and member.hears(TONE_HZ), WITHIN_S)
        except TimeoutError:
            missing = [] if member.sees(COLOUR) else ["picture"]
            missing += [] if member.hears(TONE_HZ) else ["sound"]
            return f"no {' and no '.join(missing or ['picture and sound at once'])}"
        return ""
    except TimeoutError:
        return "no media came through"
    finally:
        await member.leave()
