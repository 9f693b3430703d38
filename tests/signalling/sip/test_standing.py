"""How a trunk stands is told as it changes; pauses grow."""

from sfu.signalling.sip.grant import LONGEST_PAUSE_S
from sfu.signalling.sip.standing import PAUSE_S, REFUSED_PAUSE_S
from sfu.signalling.sip.trunk import TrunkChanged
from tests.signalling.sip.pbx import FIRST, Pbx


def pauses(status, tries):
    """Let each try be answered so; return how long we paused."""
    pbx, found = Pbx(places=(FIRST,)), []
    for _ in range(tries):
        pbx.answer(pbx.asked(), status)
        fact = [one for one in pbx.book.told() if isinstance(one, TrunkChanged)][-1]
        assert (fact.registered, fact.status) == (False, status)
        found.append(fact.again_in_s)
        pbx.book.wait(fact.again_in_s)
    return found


def test_pauses_double_up_to_half_an_hour_and_half_of_each_is_by_lot():
    for number, pause_s in enumerate(pauses(480, 9)):
        most = min(LONGEST_PAUSE_S, PAUSE_S * 2**number)
        assert most / 2 <= pause_s <= most


def test_a_refused_password_is_not_said_again_soon():
    assert pauses(403, 1)[0] >= REFUSED_PAUSE_S / 2
