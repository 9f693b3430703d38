"""What a Setup asks for: who calls, and whom."""

from sfu.model import Address, CallId, Protocol
from sfu.signalling.call import CallOffered
from sfu.signalling.h323 import h225, q931
from sfu.signalling.h323.alias import dialled

ORDER = ("dialledDigits", "partyNumber", "h323-ID", "url-ID", "email-ID")
"""Which of several destinations is meant: a number before a name."""


def read_offer(
    call: CallId,
    message: q931.Message,
    setup: h225.Setup,
    source: Address,
    prefixes: tuple[str, ...],
) -> CallOffered:
    """Return what the server is told of a call that comes.

    `prefixes` begin the numbers that a foreign gatekeeper sends us: what is dialled may be meant
    without them.
    """
    names = [alias.text for alias in setup.source if alias.kind == "h323-ID"]
    numbers = [alias.text for alias in setup.source if alias.kind == "dialledDigits"]
    target = _target(setup, message)
    without = (target.removeprefix(one) for one in prefixes)
    who = (numbers or names or [message.calling_number or "unknown"])[0]
    return CallOffered(
        call,
        Protocol.H323,
        target,
        f"{who}@{source.host}",
        (names or [message.display or who])[0],
        setup.source_info.model,
        source,
        None,
        None,
        also=tuple(one for one in without if one != target),
    )


def _target(setup: h225.Setup, message: q931.Message) -> str:
    """Return what was dialled: a number before a name, "" for none."""
    found = sorted(
        (alias for alias in setup.destination if alias.kind in ORDER),
        key=lambda alias: ORDER.index(alias.kind),
    )
    text = found[0].text if found else message.called_number
    return dialled(text)
