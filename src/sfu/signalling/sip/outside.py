"""Requests outside any call: REGISTER, OPTIONS, what we do not do (RFC 3261 sections 8.2, 10)."""

from sfu.errors import PeerError
from sfu.signalling.sip.binding import Binding, Drop
from sfu.signalling.sip.contacts import MIN_EXPIRES_S
from sfu.signalling.sip.desk import ALLOW, SUPPORTED, Desk
from sfu.signalling.sip.flow import Flow
from sfu.signalling.sip.guard import Verdict
from sfu.signalling.sip.invited import invited, refuse_stranger
from sfu.signalling.sip.message import Request
from sfu.signalling.sip.midcall import abilities
from sfu.signalling.sip.registrar import EXTENSIONS
from sfu.signalling.sip.transaction.key import ServerKey

KNOWN = frozenset({"SUBSCRIBE", "NOTIFY", "MESSAGE", "REFER", "PUBLISH"})
"""Methods that have no meaning here: 405, and 489 for events; others get 501."""


def requested(desk: Desk, key: ServerKey, flow: Flow, request: Request, now: float) -> None:
    """Take a request outside any dialog."""
    match request.method:
        case "INVITE":
            invited(desk, key, flow, request, now)
        case "REGISTER":
            _register(desk, key, flow, request, now)
        case "OPTIONS":
            desk.check_required(request)
            desk.answer_briefly(key, request, 200, now, abilities())
        case "BYE" | "UPDATE" | "INFO" | "PRACK" | "CANCEL":
            desk.answer_briefly(key, request, 481, now)
        case "REFER":  # nobody is moved, or called, by who is in no meeting
            desk.answer_briefly(key, request, 403, now)
        case "SUBSCRIBE" | "NOTIFY":
            desk.answer_briefly(key, request, 489, now)
        case method:
            status = 405 if method in KNOWN else 501
            desk.answer_briefly(key, request, status, now, [("Allow", ALLOW)])


def _register(desk: Desk, key: ServerKey, flow: Flow, request: Request, now: float) -> None:
    """10.3: who is it, may it, then change the bindings."""
    verdict, account = desk.guard.judge(request, now)
    if not request.to.uri.is_sip:
        raise PeerError("To is no SIP URI")  # 10.3 step 5
    name = request.to.uri.name
    trusted = desk.settings.trusts(flow.remote.host)
    if account is None and not (trusted and verdict is Verdict.NONE):
        refuse_stranger(desk, key, flow, request, verdict, now)
        return
    desk.check_required(request)
    if account is not None and name != account:
        desk.answer_briefly(key, request, 403, now)
    elif not name:
        desk.answer_briefly(key, request, 404, now)
    else:
        change = desk.registrar.weigh(account or name, request, flow, now)
        extensions = ", ".join((SUPPORTED, *sorted(EXTENSIONS)))
        desk.answer(key, request, 200, now, headers=[*change.headers, ("Supported", extensions)])
        desk.registrar.commit(change)  # after its 200: bound is who was told so, and nobody else
        if any(binding.behind_nat for binding in desk.registrar.bindings(account or name)):
            desk.keepalive.begin(now)


def remembered(desk: Desk, binding: Binding, now: float) -> None:
    """Take back a binding of before a restart, if who made it might still make it."""
    known = binding.account in desk.settings.accounts
    if not (known or desk.settings.trusts(binding.flow.remote.host)) or not (
        desk.registrar.restore(binding, now)
    ):
        desk.outputs.append(Drop(binding.account, binding.key))
    elif binding.behind_nat:
        desk.keepalive.begin(now)


def too_brief() -> list[tuple[str, str]]:
    """Return what a 423 must say."""
    return [("Min-Expires", str(MIN_EXPIRES_S))]
