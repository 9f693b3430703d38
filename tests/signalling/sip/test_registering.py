"""Our registration at a PBX, as ladders in virtual time."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.model import Address
from sfu.signalling.sip.flow import Carrier, Hop, Place
from sfu.signalling.sip.grant import refresh_after
from sfu.signalling.sip.message import Request
from sfu.signalling.sip.trunk import TrunkChanged
from sfu.signalling.sip.useragent import Stop
from tests.signalling.sip.pbx import FIRST, SECOND, TRUNK, Pbx, way

FAST = replace(TRUNK, probe_s=20.0)


def reading(pbx):
    [one] = pbx.book.core.trunks(pbx.book.now)
    return one


def changes(pbx):
    """Take what was told: whether it was registered, each time."""
    return [fact.registered for fact in pbx.book.told() if isinstance(fact, TrunkChanged)]


def stop(pbx):
    pbx.book.core.handle(Stop(), pbx.book.now)
    pbx.book._gather()


# ---- known by our address

KNOWN = replace(TRUNK, registers=False, probe_s=20.0)


def probed(pbx, seconds, place=FIRST):
    """Let time pass; take the question that this place was asked last."""
    pbx.book.wait(seconds)
    asked = zip(pbx.book.flows(), pbx.book.sent(), strict=True)
    [*_, request] = [request for flow, request in asked if flow.place == place]
    assert request.method == "OPTIONS"
    pbx.to = place
    return request


def test_a_trunk_that_knows_our_address_is_up_while_it_answers():
    pbx = Pbx(KNOWN)
    assert not reading(pbx).registered
    pbx.answer(probed(pbx, 0), 404)  # any answer shows that it lives
    assert changes(pbx) == [True]
    assert (reading(pbx).registered, reading(pbx).expires_in_s) == (True, 0.0)
    assert reading(pbx).host == FIRST.address.host
    for _ in range(500):  # three hours
        pbx.answer(probed(pbx, 20), 200)
    assert changes(pbx) == []
    request = probed(pbx, 28, SECOND)
    assert changes(pbx) == [False]
    pbx.answer(request, 200)
    assert changes(pbx) == [True]
    assert reading(pbx).host == SECOND.address.host
    pbx.book.sent()
    stop(pbx)
    assert pbx.book.sent() == []  # nothing to take back


def test_it_goes_back_to_its_first_place():
    pbx = Pbx(KNOWN)
    pbx.answer(probed(pbx, 8, SECOND), 200)
    for _ in range(14):
        pbx.answer(probed(pbx, 20, SECOND), 200)
    pbx.answer(probed(pbx, 20), 200)
    assert reading(pbx).host == FIRST.address.host


# ---- the plain story


def test_we_are_asked_for_the_password_and_registered():
    pbx = Pbx()
    first = pbx.asked()
    assert pbx.to == FIRST
    assert first.target == "sip:pbx.example"
    assert first.get("To") == "<sip:visio@pbx.example>"
    assert first.sender.uri == first.to.uri
    assert first.get("Contact") == "<sip:visio@198.51.100.5:5060>"
    assert first.get("Expires") == "3600"
    assert not first.get("Authorization")
    pbx.challenge(first)
    second = pbx.asked()
    pbx.proves(second)
    assert second.call_id == first.call_id
    assert second.cseq.number == first.cseq.number + 1
    assert not reading(pbx).registered
    pbx.grant(second)
    fact = pbx.book.heard(TrunkChanged)
    assert (fact.trunk, fact.registered, fact.place) == ("pbx", True, FIRST)
    assert reading(pbx) == replace(
        reading(pbx), registered=True, status=200, expires_in_s=3600, failures=0
    )
    assert reading(pbx).place == "udp 192.0.2.71:5060"


def test_it_is_refreshed_in_time_with_the_nonce_of_last_time():
    pbx = Pbx()
    granted = pbx.register(expires=600)
    pbx.book.wait(299)
    assert pbx.book.sent() == []
    pbx.book.wait(2)
    again = pbx.asked()
    assert pbx.proves(again) == "00000002"
    assert again.call_id == granted.call_id
    pbx.grant(again, 600)
    assert len(pbx.book.told()) == 1  # a refresh is nothing new
    pbx.book.wait(301)
    assert pbx.proves(pbx.asked()) == "00000003"


def test_a_nonce_that_got_old_is_answered_anew():
    pbx = Pbx()
    pbx.register()
    pbx.book.wait(3001)
    refresh = pbx.asked()
    pbx.challenge(refresh, stale=True)
    again = pbx.asked()
    assert pbx.proves(again) == "00000001"
    pbx.challenge(again, stale=True)  # it makes a nonce for each request
    third = pbx.asked()
    pbx.proves(third)
    pbx.grant(third)
    assert reading(pbx).registered
    assert reading(pbx).failures == 0


def test_a_new_nonce_without_stale_is_answered_once():
    pbx = Pbx()
    pbx.register()
    pbx.book.wait(3001)
    pbx.challenge(pbx.asked())
    pbx.grant(pbx.asked())
    assert reading(pbx).failures == 0


def test_a_proxy_and_the_registrar_may_both_ask():
    pbx = Pbx()
    pbx.challenge(pbx.asked(), proxy=True)
    second = pbx.asked()
    pbx.proves(second, "Proxy-Authorization")
    pbx.challenge(second)
    third = pbx.asked()
    pbx.proves(third)
    assert third.get("Proxy-Authorization") == second.get("Proxy-Authorization")
    pbx.grant(third)
    assert reading(pbx).registered


def test_who_keeps_asking_for_ever_is_left():
    pbx = Pbx()
    for _ in range(4):
        pbx.challenge(pbx.asked(), stale=True)
    pbx.challenge(pbx.asked(), stale=True)
    assert pbx.book.sent() == []
    assert reading(pbx).failures == 1


# ---- how long


def test_the_registrars_least_is_asked_for():
    pbx = Pbx(replace(TRUNK, expires_s=60))
    pbx.answer(pbx.asked(), 423, "Min-Expires: 1800")
    request = pbx.asked()
    assert request.get("Expires") == "1800"
    pbx.grant(request, 1800)
    pbx.book.wait(1201)
    assert pbx.asked().get("Expires") == "1800"


@pytest.mark.parametrize(
    "least", ["", "Min-Expires: 60", "Min-Expires: 99999999", "Min-Expires: x"]
)
def test_a_423_that_helps_nobody_is_a_refusal(least):
    pbx = Pbx(replace(TRUNK, expires_s=60))
    pbx.answer(pbx.asked(), 423, least)
    assert pbx.book.heard(TrunkChanged).status == 423


def test_less_than_we_asked_for_is_taken():
    pbx = Pbx()
    pbx.register(expires=120)
    assert reading(pbx).expires_in_s == 120


def test_our_own_contact_counts_among_others_of_the_account():
    pbx = Pbx()
    request = pbx.asked()
    other = "Contact: <sip:visio@192.0.2.99:5060>;expires=30"
    pbx.answer(request, 200, f"{other}\nContact: {request.get('Contact')};expires=900")
    assert reading(pbx).expires_in_s == 900


def test_a_contact_that_came_back_rewritten_is_granted_by_the_header():
    pbx = Pbx()
    request = pbx.asked()
    pbx.answer(request, 200, "Contact: <sip:visio@203.0.113.9:1024>;expires=30\nExpires: 700")
    assert reading(pbx).expires_in_s == 700


def test_a_registrar_that_keeps_nothing_is_no_registrar():
    pbx = Pbx()
    pbx.grant(pbx.asked(), expires=0)
    assert "keeps no binding" in pbx.book.heard(TrunkChanged).reason
    assert not reading(pbx).registered


@given(st.integers(1, 86_400))
def test_a_refresh_comes_before_the_end_and_not_at_once(granted):
    after = refresh_after(granted)
    assert 0 < after < granted
    assert after >= min(0.4 * granted, 600)


# ---- refusals and pauses


def test_a_wrong_password_is_not_said_again_and_again():
    pbx = Pbx()
    pbx.challenge(pbx.asked())
    pbx.challenge(pbx.asked())
    fact = pbx.book.heard(TrunkChanged)
    assert fact.status == 401
    assert "password" in fact.reason
    assert 150 <= fact.again_in_s <= 300
    pbx.book.wait(fact.again_in_s - 0.1)
    assert pbx.book.sent() == []
    pbx.book.wait(0.2)
    assert not pbx.asked().get("Authorization")


def test_pauses_grow_up_to_half_an_hour_and_begin_anew():
    pbx = Pbx()
    pauses = []
    for _ in range(10):
        pbx.answer(pbx.asked(), 500)
        pauses.append(pbx.book.heard(TrunkChanged).again_in_s)
        pbx.book.wait(pauses[-1] - 0.1)
        assert pbx.book.sent() == []
        pbx.book.wait(0.2)
    for nth, pause in enumerate(pauses):
        most = min(1800, 30 * 2**nth)
        assert most / 2 <= pause <= most
    assert reading(pbx).failures == 10
    pbx.grant(pbx.asked(), 600)
    pbx.book.told()
    pbx.book.wait(301)
    pbx.answer(pbx.asked(), 500)
    assert pbx.book.heard(TrunkChanged).again_in_s <= 30
    assert reading(pbx).registered  # the binding holds still


def test_retry_after_is_obeyed():
    pbx = Pbx()
    pbx.answer(pbx.asked(), 500, "Retry-After: 600 (busy)")
    assert pbx.book.heard(TrunkChanged).again_in_s == 600


def test_a_refresh_refused_until_the_end_is_a_registration_lost():
    pbx = Pbx()
    pbx.register(expires=100)
    pbx.book.told()
    pbx.book.wait(51)
    pbx.answer(pbx.asked(), 500, "Retry-After: 600")
    assert reading(pbx).registered
    pbx.book.wait(50)
    assert changes(pbx) == [True, False]
    assert reading(pbx).failures == 2


# ---- the next place


def test_a_silent_place_gives_way_to_the_next():
    pbx = Pbx()
    first = pbx.asked()
    pbx.book.wait(8.1)
    sent = pbx.book.flows()
    assert [flow.place for flow in sent] == [FIRST] * 4 + [SECOND]
    second = [one for one in pbx.book.sent() if isinstance(one, Request)][-1]
    pbx.to = SECOND
    pbx.grant(second)
    assert reading(pbx).place == "udp 192.0.2.72:5060"
    pbx.answer(first, 200, "Contact: *", way(FIRST))  # it wakes up too late
    assert reading(pbx).place == "udp 192.0.2.72:5060"


def test_a_503_gives_way_at_once_and_the_first_place_is_tried_again_later():
    pbx = Pbx()
    pbx.answer(pbx.asked(), 503)
    request = pbx.asked()
    assert pbx.to == SECOND
    pbx.grant(request, 3600)
    pbx.book.wait(3001)  # longer than the first is left out
    back = pbx.asked()
    assert pbx.to == FIRST
    pbx.grant(back)
    assert reading(pbx).place == "udp 192.0.2.71:5060"


def test_a_first_place_that_is_silent_still_does_not_cost_the_registration():
    pbx = Pbx()
    pbx.answer(pbx.asked(), 503)
    pbx.grant(pbx.asked(), 3600)
    pbx.book.told()
    pbx.book.wait(3001)
    pbx.answer(pbx.asked(), 503)
    refresh = pbx.asked()
    assert pbx.to == SECOND
    assert reading(pbx).registered
    pbx.grant(refresh)
    assert pbx.book.told() == []
    assert reading(pbx).failures == 0


def test_where_no_place_is_left_we_pause_with_the_reason():
    pbx = Pbx()
    pbx.answer(pbx.asked(), 503)
    pbx.answer(pbx.asked(), 503)
    fact = pbx.book.heard(TrunkChanged)
    assert (fact.status, fact.registered) == (503, False)
    assert "192.0.2.72" in fact.reason
    pbx.book.wait(31)
    pbx.asked()
    assert pbx.to == FIRST


def test_a_name_that_means_nothing_is_a_failure_with_a_reason():
    pbx = Pbx(places=())
    assert pbx.book.heard(TrunkChanged).reason == "no place can be reached"
    assert reading(pbx).status == 503


# ---- does it live


def test_the_place_is_asked_whether_it_lives_and_any_answer_will_do():
    pbx = Pbx(FAST)
    pbx.register()
    pbx.book.wait(20.1)
    probe = pbx.asked("OPTIONS")
    assert pbx.to == FIRST
    pbx.answer(probe, 404)
    pbx.book.wait(19.8)
    assert pbx.book.sent() == []
    pbx.book.wait(0.2)
    pbx.answer(pbx.asked("OPTIONS"), 407, 'Proxy-Authenticate: Digest realm="pbx", nonce="x"')
    assert reading(pbx).registered


def test_a_registrar_that_dies_is_noticed_and_left():
    pbx = Pbx(FAST)
    pbx.register()
    pbx.book.told()
    pbx.book.wait(28.2)
    fact = pbx.book.heard(TrunkChanged)
    assert (fact.registered, fact.status) == (False, 408)
    assert fact.reason == "192.0.2.71:5060: no answer"
    request = [one for one in pbx.book.sent() if isinstance(one, Request)][-1]
    assert request.method == "REGISTER"
    pbx.proves(request)
    pbx.to = SECOND
    pbx.grant(request)
    assert pbx.book.heard(TrunkChanged).place == SECOND
    assert reading(pbx).failures == 1


def test_a_closed_connection_is_a_registration_lost():
    places = tuple(Place(Carrier.TCP, Address(f"192.0.2.7{n}", 5060)) for n in (1, 2))
    pbx = Pbx(replace(TRUNK, registrar=Hop("pbx.example", None, Carrier.TCP)), places=places)
    pause = pbx.book.heard(TrunkChanged).again_in_s  # TCP cannot be reached at first
    pbx.book.reachable = {Carrier.TCP}
    pbx.book.wait(pause)
    flow = pbx.book.flows()[-1]
    request = pbx.asked()
    assert ";transport=tcp" in (request.get("Contact") or "")
    pbx.grant(request)
    pbx.book.told()
    pbx.book.flow_closed(flow)
    assert not reading(pbx).registered
    pbx.book.wait(1.1)
    pbx.grant(pbx.asked())
    assert changes(pbx) == [False, True]


# ---- proxy, and the end


def test_all_goes_first_to_the_outbound_proxy():
    pbx = Pbx(replace(TRUNK, proxy=Hop("192.0.2.80", 5070, Carrier.UDP)))
    request = pbx.asked()
    assert pbx.to == Place(Carrier.UDP, Address("192.0.2.80", 5070))
    assert request.target == "sip:pbx.example"
    assert request.get("Route") == "<sip:192.0.2.80:5070;transport=udp;lr>"


def test_we_take_our_registration_back_at_the_end():
    pbx = Pbx()
    pbx.register()
    stop(pbx)
    request = pbx.asked()
    assert request.get("Expires") == "0"
    assert pbx.proves(request) == "00000002"
    pbx.challenge(request, stale=True)
    again = pbx.asked()
    assert again.get("Expires") == "0"
    pbx.answer(again, 200)
    assert not reading(pbx).registered
    pbx.book.wait(100_000)
    assert pbx.book.sent() == []


def test_who_is_not_registered_ends_without_a_word():
    pbx = Pbx()
    pbx.answer(pbx.asked(), 500)
    stop(pbx)
    pbx.book.wait(10_000)
    assert pbx.book.sent() == []


# ---- the law


@pytest.mark.scenario
@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["200", "401", "407", "423", "500", "503", "404", "silence", "close"]),
            st.integers(0, 100_000),
        ),
        max_size=15,
    )
)
def test_whatever_the_registrar_says_we_go_on_trying_and_never_flood(script):
    pbx = Pbx(FAST)
    sent = 0
    for word, number in script:
        before = pbx.book.now
        requests = [one for one in pbx.book.sent() if isinstance(one, Request)]
        sent += len(requests)
        if requests and word.isdigit():
            last = requests[-1]
            extra = f"Contact: {last.get('Contact')};expires={number}\nMin-Expires: {number}"
            if word in ("401", "407"):
                pbx.challenge(last, stale=bool(number % 2), proxy=word == "407")
            else:
                pbx.answer(last, int(word), extra)
        elif word == "close":
            pbx.book.flow_closed(way(FIRST))
        else:
            pbx.book.wait(number % 500 + 1)
            sent += sum(isinstance(one, Request) for one in pbx.book.sent())
            assert sent <= 60 + 4 * (pbx.book.now - before)
            sent = 0
    pbx.book.sent()
    assert pbx.book.core.deadline is not None
    pbx.book.wait(90_000)
    assert any(isinstance(one, Request) for one in pbx.book.sent())


VALUES = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=40),
    st.sampled_from(
        [
            'Digest realm="pbx", nonce="a", qop="auth-int,auth", algorithm=SHA-256-sess',
            'Digest realm="\\", nonce=, stale=true, opaque="x',
            'Digest realm="pbx", nonce="a", algorithm=AKAv1-MD5',
            "<sip:visio@198.51.100.5:5060>;expires=99999999999999999999",
            "<sip:visio@198.51.100.5:5060>;expires=-1, *, <",
            "<sip:p;lr>" + ", <sip:p;lr>" * 130,
        ]
    ),
)
HEADERS = st.sampled_from(
    ["WWW-Authenticate", "Proxy-Authenticate", "Contact", "Expires", "Min-Expires",
     "Service-Route", "Retry-After"]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([200, 202, 302, 401, 407, 423, 503, 600]),
            st.lists(st.tuples(HEADERS, VALUES), max_size=6),
        ),
        max_size=4,
    )
)
def test_no_answer_of_a_registrar_harms_us(answers):
    pbx = Pbx(FAST)
    for status, headers in answers:
        requests = [one for one in pbx.book.sent() if isinstance(one, Request)]
        if not requests:
            break
        pbx.answer(requests[-1], status, "\n".join(f"{name}: {value}" for name, value in headers))
    assert pbx.book.core.deadline is not None
    assert 0 <= reading(pbx).expires_in_s <= 86_400
