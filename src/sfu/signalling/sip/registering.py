"""We register at a trunk's registrar (RFC 3261 section 10.2, RFC 3608, RFC 5626 section 4.5).

::

    register -> (way) -> REGISTER --200--> refresh at half time, or 600 s before the end
       ^                    |--401, 407--> once more, with credentials; kept for the next time
       |                    |--423-------> once more, for as long as the registrar wants
       |<-- next place -----|--503, silent for 8 s, connection gone
       `<-- after a pause --`--anything else

A trunk that knows us by our address gets no REGISTER: it is up while it answers OPTIONS.
"""

import math
from typing import assert_never

from sfu.model import CallId
from sfu.signalling.sip import digest
from sfu.signalling.sip.asked import Asked, Draft, Purpose
from sfu.signalling.sip.desk import Desk
from sfu.signalling.sip.flow import Flow
from sfu.signalling.sip.grant import least, lifetime, refresh_after, retry_after, service_route
from sfu.signalling.sip.message import Header, Response
from sfu.signalling.sip.outbox import launch
from sfu.signalling.sip.standing import begin, fail, lose, tell
from sfu.signalling.sip.text import plain
from sfu.signalling.sip.trunk import Trunk, TrunkAlarm
from sfu.signalling.sip.uri import Uri

NO_CALL = CallId(0)
PATIENCE_S = 8.0
"""A place that says nothing for so long is silent: five sendings over UDP; timer F takes 32."""
SILENT_S = 300.0
"""How long a silent place is left out."""
MOVED = (408, 430, 503)
"""Answers that say: not this place (RFC 3263 section 4.3, RFC 5626 section 4.4)."""


def start(desk: Desk, now: float) -> None:
    """Register at all trunks."""
    for trunk in desk.trunks.values():
        trunk.asks_s = trunk.setting.expires_s
        register(desk, trunk, now)


def stop(desk: Desk, now: float) -> None:
    """Take all registrations back (10.2.2)."""
    for trunk in desk.trunks.values():
        trunk.stopped = True
        trunk.turn += 1
        for alarm in TrunkAlarm:
            desk.trunk_alarms.set((trunk.setting.name, alarm), None)
        if trunk.registered and trunk.flow is not None:
            trunk.expires_at = None
            if trunk.setting.registers:
                _ask(desk, trunk, trunk.flow, 0, now)


def register(desk: Desk, trunk: Trunk, now: float) -> None:
    """Register, or refresh: where we are registered, unless a better place may live again."""
    revived = [place for place, until in trunk.silent.items() if until <= now]
    for place in revived:
        del trunk.silent[place]
    if trunk.flow is not None and not revived:
        begin(desk, trunk)
        _approach(desk, trunk, trunk.flow, now)
    else:
        _seek(desk, trunk, now)


def _seek(desk: Desk, trunk: Trunk, now: float) -> None:
    begin(desk, trunk)
    turn = trunk.turn

    def go_on(flow: Flow | None, then: float) -> None:
        if turn != trunk.turn:
            return
        if flow is None:
            # what the last place said tells more than that there is none left
            status, reason = (trunk.status, trunk.reason) if trunk.silent else (503, "")
            trunk.silent.clear()
            fail(desk, trunk, status or 503, reason or "no place can be reached", then)
        else:
            _approach(desk, trunk, flow, then)

    desk.connect(trunk.setting.hop, go_on, trunk.silent)


def _approach(desk: Desk, trunk: Trunk, flow: Flow, now: float) -> None:
    """Register there, or ask whether it lives where that is all it takes."""
    if trunk.setting.registers:
        _ask(desk, trunk, flow, trunk.asks_s, now)
    else:
        _probe(desk, trunk, flow, now)


def _ask(desk: Desk, trunk: Trunk, flow: Flow, expires_s: int, now: float) -> None:
    setting = trunk.setting
    domain = setting.registrar
    target = str(Uri("sip", "", domain.host, domain.port))
    trunk.cseq += 1
    headers = [
        *(("Route", str(route)) for route in trunk.preset),
        ("From", f"<{setting.identity}>;tag={trunk.tag}"),
        ("To", f"<{setting.identity}>"),
        ("Call-ID", trunk.call_id),
        ("CSeq", f"{trunk.cseq} REGISTER"),
        ("Expires", str(expires_s)),
        ("Supported", "path"),
        *_credentials(desk, trunk, target),
    ]
    draft = Draft("REGISTER", target, tuple(headers), contact=setting.user)
    asked = Asked(NO_CALL, draft, Purpose.REGISTER, trunk=setting.name, turn=trunk.turn)
    if expires_s:
        wait(desk, trunk, now)
    trunk.asking = flow
    launch(desk, asked, flow, now)


def wait(desk: Desk, trunk: Trunk, now: float) -> None:
    """Give the place that was asked its time to answer."""
    desk.trunk_alarms.set((trunk.setting.name, TrunkAlarm.PATIENCE), now + PATIENCE_S)


def _credentials(desk: Desk, trunk: Trunk, target: str) -> list[Header]:
    """Answer the challenges of last time before they are put again; old ones come back stale."""
    headers = []
    for name, (challenge, count) in trunk.challenges.items():
        trunk.challenges[name] = (challenge, count + 1)
        proof = digest.answer(
            challenge, trunk.setting.secret, "REGISTER", target, b"", desk.token(), count + 1
        )
        headers.append((name, proof))
    return headers


def answered(desk: Desk, trunk: Trunk, asked: Asked, response: Response, now: float) -> None:
    """Take an answer to our REGISTER, or to a probe."""
    alarms, name = desk.trunk_alarms, trunk.setting.name
    alarms.set((name, TrunkAlarm.PATIENCE), None)
    if response.status < 200 or trunk.stopped:
        return
    assert asked.flow is not None
    if asked.purpose is Purpose.PROBE:
        if response.status in MOVED:
            _leave(desk, trunk, asked.flow, response.status, plain(response.reason), now)
        else:
            if not trunk.setting.registers:
                _lives(desk, trunk, asked.flow, now)
            alarms.set((name, TrunkAlarm.PROBE), now + trunk.setting.probe_s)
        return
    trunk.status, trunk.reason = response.status, plain(response.reason)
    match response.status:
        case status if status < 300:
            _granted(desk, trunk, asked, response, now)
        case 423 if (shortest := least(response)) > trunk.asks_s:
            trunk.asks_s = shortest
            _ask(desk, trunk, asked.flow, shortest, now)
        case status if status in MOVED:
            _leave(desk, trunk, asked.flow, status, trunk.reason, now)
        case 401 | 403 | 407 as status:
            trunk.challenges.clear()
            fail(desk, trunk, status, f"{trunk.reason}: user or password is refused", now)
        case status:
            fail(desk, trunk, status, trunk.reason, now, retry_after(response))


def _granted(desk: Desk, trunk: Trunk, asked: Asked, response: Response, now: float) -> None:
    assert asked.flow is not None
    assert asked.request is not None
    granted = lifetime(asked.request, response, trunk.asks_s)
    if granted <= 0:
        fail(desk, trunk, response.status, "the registrar keeps no binding of ours", now)
        return
    fresh = not trunk.registered or trunk.flow is None or trunk.flow.place != asked.flow.place
    trunk.flow, trunk.expires_at, trunk.tries = asked.flow, now + granted, 0
    trunk.routes = service_route(response)
    trunk.hosts.add(asked.flow.remote.host)
    name, alarms = trunk.setting.name, desk.trunk_alarms
    alarms.set((name, TrunkAlarm.EXPIRY), trunk.expires_at)
    alarms.set((name, TrunkAlarm.REGISTER), now + refresh_after(granted))
    alarms.set((name, TrunkAlarm.PROBE), now + trunk.setting.probe_s)
    if fresh:
        tell(desk, trunk, now)


def _lives(desk: Desk, trunk: Trunk, flow: Flow, now: float) -> None:
    """Call by a trunk that answers, for as long as it does; a better place is asked again later."""
    fresh = not trunk.registered or trunk.flow is None or trunk.flow.place != flow.place
    trunk.flow, trunk.expires_at, trunk.tries = flow, math.inf, 0
    trunk.status, trunk.reason = 200, ""
    trunk.hosts.add(flow.remote.host)
    if trunk.silent:
        again = max(now, min(trunk.silent.values()))
        desk.trunk_alarms.set((trunk.setting.name, TrunkAlarm.REGISTER), again)
    if fresh:
        tell(desk, trunk, now)


def _leave(desk: Desk, trunk: Trunk, flow: Flow, status: int, reason: str, now: float) -> None:
    """Go to the next place: this one is silent, or says that it cannot."""
    trunk.silent[flow.place] = now + SILENT_S
    trunk.status, trunk.reason = status, f"{flow.place.address}: {reason}"
    if trunk.flow is not None and trunk.flow.place == flow.place:
        trunk.flow = None
        lose(desk, trunk, now)
    _seek(desk, trunk, now)


def flow_closed(desk: Desk, flow: Flow, now: float) -> None:
    """Register anew by another connection, the same place first."""
    for trunk in desk.trunks.values():
        if trunk.flow == flow and not trunk.stopped:
            trunk.flow = None
            trunk.status, trunk.reason = 503, f"{flow.place.address}: connection closed"
            lose(desk, trunk, now)
            begin(desk, trunk)
            soon = now + desk.chance(0.1, 1.0)  # a server that restarts loses everybody at once
            desk.trunk_alarms.set((trunk.setting.name, TrunkAlarm.REGISTER), soon)


def alarmed(desk: Desk, trunk: Trunk, alarm: TrunkAlarm, now: float) -> None:
    """Let time have its due."""
    if trunk.stopped:
        return
    match alarm:
        case TrunkAlarm.REGISTER:
            register(desk, trunk, now)
        case TrunkAlarm.PATIENCE:
            _silent(desk, trunk, now)
        case TrunkAlarm.PROBE if trunk.flow is not None:
            _probe(desk, trunk, trunk.flow, now)
        case TrunkAlarm.PROBE:
            pass  # it is lost, and sought already
        case TrunkAlarm.EXPIRY:
            trunk.flow = None
            lose(desk, trunk, now)
        case _:
            assert_never(alarm)


def _silent(desk: Desk, trunk: Trunk, now: float) -> None:
    """Give up the place that was asked last."""
    if trunk.asking is not None:
        _leave(desk, trunk, trunk.asking, 408, "no answer", now)


def _probe(desk: Desk, trunk: Trunk, flow: Flow, now: float) -> None:
    """Ask whether the place lives (11); it also keeps the way through a NAT open."""
    setting = trunk.setting
    domain = setting.registrar
    target = str(Uri("sip", "", domain.host, domain.port))
    headers = (
        *(("Route", str(route)) for route in trunk.preset),
        ("From", f"<{setting.identity}>;tag={desk.token()}"),
        ("To", f"<{target}>"),
        ("Call-ID", desk.token(16)),
        ("CSeq", "1 OPTIONS"),
    )
    draft = Draft("OPTIONS", target, headers, contact=setting.user)
    asked = Asked(NO_CALL, draft, Purpose.PROBE, trunk=setting.name, turn=trunk.turn)
    wait(desk, trunk, now)
    trunk.asking = flow
    launch(desk, asked, flow, now)
