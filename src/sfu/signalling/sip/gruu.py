"""Addresses that mean one unit of an account, wherever it is now (RFC 5627).

::

    sip:morez@example.org;gr=urn:uuid:...     public: the same for ever, so nothing is kept of it
    sip:tgruu.5f0c...@example.org;gr          temporary: tells nobody whose it is
"""

from sfu.errors import PeerError
from sfu.signalling.sip.binding import Binding
from sfu.signalling.sip.flow import Flow
from sfu.signalling.sip.uri import Uri, bracket, escape, parse_hostport, unescape

MAX_TEMPORARY = 8
"""Temporary ones of one binding that hold; RFC 5627 asks for all, but memory is bounded."""
PREFIX = "tgruu."


def public(binding: Binding) -> Uri | None:
    """Return the public GRUU of a binding (section 3.1.1)."""
    if not (binding.home and binding.instance):
        return None
    instance = escape(binding.instance).replace("%3A", ":")
    return _at(binding.home, escape(binding.account), ("gr", instance))


def temporary(binding: Binding) -> Uri | None:
    """Return the newest temporary GRUU of a binding (section 3.1.2)."""
    if not (binding.home and binding.temporary):
        return None
    return _at(binding.home, PREFIX + binding.temporary[-1], ("gr", None))


def means(gruu: Uri, binding: Binding) -> bool:
    """Tell whether a GRUU is one of this binding's."""
    mine = public(binding)
    if mine is None or (mine.host.lower(), mine.port) != (gruu.host.lower(), gruu.port):
        return False
    if gruu.user.startswith(PREFIX):
        return gruu.user.removeprefix(PREFIX) in binding.temporary
    return gruu.name == binding.account and unescape(gruu.param("gr") or "") == binding.instance


def home_of(domain: str, flow: Flow) -> str:
    """Return the host GRUUs carry: our domain if it can be one, or where we were reached."""
    try:
        parse_hostport(domain)
    except PeerError:
        return f"{bracket(flow.local.host)}:{flow.local.port}"
    return domain


def _at(home: str, user: str, param: tuple[str, str | None]) -> Uri:
    host, port = parse_hostport(home)
    return Uri("sip", user, host, port, (param,))
