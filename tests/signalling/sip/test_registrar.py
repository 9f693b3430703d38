"""Rooms register: by password or network, with several contacts, instances, flows and GRUUs."""

from dataclasses import replace
from ipaddress import ip_network

import pytest

from sfu.model import Address, CallId
from sfu.signalling.call import CallEnded, CallRinging, Dial, End, HangUp
from sfu.signalling.sip.binding import Drop, Keep
from sfu.signalling.sip.contacts import MAX_EXPIRES_S
from sfu.signalling.sip.digest import ALGORITHMS, Secret, parse, prove, response_of
from sfu.signalling.sip.flow import Carrier, Flow, Received, Send
from sfu.signalling.sip.gruu import means
from sfu.signalling.sip.guard import NONCE_LIFE_S
from sfu.signalling.sip.message import Request
from sfu.signalling.sip.registrar import MAX_CONTACTS, Registered, Unregistered
from sfu.signalling.sip.settings import SipSettings
from sfu.signalling.sip.uri import parse_uri
from tests.playbook import OFFER, TCP, UDP, US, Peer, Playbook

TRUSTING = SipSettings(realm="jura", networks=(ip_network("192.0.2.0/24"),))
CLOSED = SipSettings(realm="jura", accounts={"group": "pw"})
INSTANCE = '+sip.instance="<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>"'
HOME = "<sip:group@192.0.2.22:5060>"
OTHER_TCP = Flow(70002, Carrier.TCP, US, Address("192.0.2.21", 25002))


class Room(Peer):
    """A codec that registers as `group`."""

    def __init__(self, settings=TRUSTING, flow=UDP, book=None):
        super().__init__(book or Playbook(settings), flow)
        self.us = self.them = '"Salle" <sip:group@jura>'
        self.target = "sip:jura"

    def register(self, contact=HOME, extra="", body=b"", **options):
        data = self.write("REGISTER", body, extra=extra, **options)
        self.book.receive(data.replace(b"<sip:hdx@192.0.2.21:5060>", contact.encode()), self.flow)
        return self.book.response()

    def prove(self, challenge, keep=lambda value: True, cnonce="c", password="pw", nc=1):
        asked = [one for one in challenge.all("WWW-Authenticate") if keep(one)]
        proof = prove(asked, Secret("group", password), "REGISTER", "sip:jura", b"", cnonce)
        assert proof is not None
        if nc > 1:
            fields = parse(proof) | {"nc": f"{nc:08x}"}
            right = response_of(fields, "group", "jura", password, "REGISTER", b"")
            proof = proof.replace("nc=00000001", f"nc={nc:08x}")
            proof = proof.replace(parse(proof)["response"], right)
        return f"Authorization: {proof}"


# ---- passwords


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("qop", [', qop="auth"', ""])
def test_both_digests_prove_a_room_with_qop_and_without(algorithm, qop):
    room = Room(CLOSED)
    challenge = room.register()
    [asked] = [v for v in challenge.all("WWW-Authenticate") if f"algorithm={algorithm}," in v]
    answer = prove([asked.replace(', qop="auth"', qop)], Secret("group", "pw"), "REGISTER",
                   "sip:jura", b"", "c")  # fmt: skip
    assert answer is not None
    assert ("nc=" in answer) == bool(qop)
    assert room.register(extra=f"Authorization: {answer}").status == 200


def test_an_old_nonce_is_asked_anew_and_never_forbidden():
    room = Room(CLOSED)
    challenge = room.register()
    room.book.wait(NONCE_LIFE_S + 2)
    stale = room.register(extra=room.prove(challenge))
    assert stale.status == 401
    assert "stale=true" in stale.get("WWW-Authenticate")
    assert room.register(extra=room.prove(stale)).status == 200


def test_a_nonce_of_before_a_restart_is_asked_anew():
    room = Room(CLOSED)
    challenge = room.register()
    nonce = parse(challenge.get("WWW-Authenticate"))["nonce"]
    room.book.sent()
    other = nonce[:-1] + ("0" if nonce[-1] != "0" else "1")
    proof = room.prove(challenge).replace(nonce, other)
    answer = room.register(extra=proof)
    assert answer.status == 401
    assert "stale=true" in answer.get("WWW-Authenticate")


def test_a_proof_is_good_once_and_the_next_count_is_another_proof():
    room = Room(CLOSED)
    challenge = room.register()
    proof = room.prove(challenge)
    assert room.register(extra=proof).status == 200
    replayed = room.register("<sip:thief@192.0.2.66>", extra=proof)
    assert replayed.status == 401
    assert "stale=true" in replayed.get("WWW-Authenticate")
    assert "thief" not in str(room.register("", extra=room.prove(challenge, nc=2)).headers)


def test_a_unit_without_qop_says_the_same_until_its_nonce_is_old():
    room = Room(CLOSED)
    challenge = room.register()
    asked = [value.replace(', qop="auth"', "") for value in challenge.all("WWW-Authenticate")]
    proof = prove(asked, Secret("group", "pw"), "REGISTER", "sip:jura", b"", "c")
    assert [room.register(extra=f"Authorization: {proof}").status for _ in range(2)] == [200] * 2


# ---- contacts


def test_the_contact_with_the_higher_q_is_called_first_then_the_latest():
    room = Room()
    answer = room.register(
        "<sip:old@h1>;q=0.5;expires=90, <sip:new@h2>;q=0.5;expires=900, <sip:best@h3>;q=0.9,"
        "<sip:bad@h4>;q=nonsense"
    )
    order = [value.partition("@")[0] for value in answer.all("Contact")]
    assert order == ["<sip:bad", "<sip:best", "<sip:new", "<sip:old"]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("9" * 5000, MAX_EXPIRES_S), ("7201", MAX_EXPIRES_S), ("soon", 3600), ("0060", 60)],
)
def test_times_that_make_no_sense_mean_an_hour_and_long_ones_are_cut(text, seconds):
    answer = Room().register(extra=f"Expires: {text}")
    assert answer.get("Contact") == f"{HOME};expires={seconds}"


def test_a_time_too_short_is_told_what_would_do():
    answer = Room().register(f"{HOME};expires=30", extra="Expires: 300")
    assert (answer.status, answer.get("Min-Expires")) == (423, "60")


def test_a_body_of_any_kind_is_ignored():
    room = Room()
    body = b"--x\r\nContent-Type: application/vnd.unit\r\n\r\n<a/>\r\n--x--\r\n"
    assert room.register(body=body, kind="multipart/mixed;boundary=x").status == 200
    assert room.register(body=b"\0\xff", kind="application/octet-stream").status == 200
    assert [type(fact) for fact in room.book.told()] == [Registered]


def test_a_unit_started_anew_takes_the_place_of_its_old_contact():
    room = Room()
    room.register(f"<sip:group@192.0.2.21:1111>;{INSTANCE}")
    room.book.told()
    room.call_id = "after-the-power-came-back"
    answer = room.register(f"<sip:group@192.0.2.21:2222>;{INSTANCE}")
    assert [one.partition(";")[0] for one in answer.all("Contact")] == [
        "<sip:group@192.0.2.21:2222>"
    ]
    added, gone = room.book.told()
    assert isinstance(added, Registered)
    assert (added.contact, gone) == (
        "sip:group@192.0.2.21:2222",
        Unregistered("group", "sip:group@192.0.2.21:1111"),
    )


def test_two_contacts_of_one_unit_and_two_units_stand_beside_each_other():
    room = Room()
    room.register(f"<sip:a@192.0.2.21>;{INSTANCE}, <sip:b@192.0.2.21>;{INSTANCE}")
    room.call_id = "other unit"
    room.register('<sip:c@192.0.2.22>;+sip.instance="<urn:uuid:2>"')
    room.call_id = "no instance"
    assert len(room.register("<sip:d@192.0.2.23>").all("Contact")) == 4


def test_a_unit_that_comes_back_is_never_one_contact_too_many():
    room = Room()
    others = ", ".join(f"<sip:{n}@h>" for n in range(MAX_CONTACTS - 1))
    room.register(others)
    for start in range(3):
        room.call_id = f"start {start}"
        assert room.register(f"<sip:unit@192.0.2.21:{start + 1}>;{INSTANCE}").status == 200
    room.call_id = "a ninth"
    assert room.register("<sip:ninth@h>").status == 403


# ---- flows (RFC 5626)


def test_a_flow_is_known_by_its_number_wherever_it_comes_from():
    room = Room(flow=TCP)
    contact = f"<sip:group@10.0.0.9;transport=tcp>;reg-id=1;{INSTANCE}"
    first = room.register(contact, extra="Supported: outbound, path")
    assert first.get("Require") == "outbound"
    room.register(contact.replace("reg-id=1", "reg-id=2"), extra="Supported: outbound")
    moved = Room(flow=OTHER_TCP, book=room.book)
    moved.call_id = "anew"
    answer = moved.register(contact.replace("0.9", "0.8"), extra="Supported: outbound")
    hosts = sorted(value.partition(";")[0] for value in answer.all("Contact"))
    assert hosts == ["<sip:group@10.0.0.8", "<sip:group@10.0.0.9"]


@pytest.mark.parametrize(
    ("flow", "via"), [(UDP, ""), (TCP, "Via: SIP/2.0/TCP 192.0.2.99;branch=z9hG4bKunder")]
)
def test_no_flow_is_promised_where_it_would_not_hold(flow, via):
    room = Room(flow=flow)
    contact = f"{HOME};reg-id=1;{INSTANCE}"
    assert room.register(contact, extra=f"Supported: outbound\n{via}").get("Require") is None


def test_a_lost_connection_is_called_at_its_contact():
    room = Room(flow=TCP)
    room.register("<sip:group@192.0.2.21:5070;transport=tcp>")
    room.book.flow_closed(TCP)
    room.book.reachable = {Carrier.TCP}
    room.book.order(Dial(CallId(9), "group", OFFER, "", "4201"))
    assert room.book.wishes[-1].hop.port == 5070
    assert room.book.request("INVITE").target == "sip:group@192.0.2.21:5070;transport=tcp"


# ---- being called


def test_a_contact_that_is_not_reached_is_followed_by_the_next():
    room = Room()
    room.register("<sip:a@h>;q=0.9, <sip:b@192.0.2.21:5072>;q=0.5, <sip:c@192.0.2.33>;q=0.1")
    room.book.told()
    room.book.order(Dial(CallId(9), "group", OFFER, "", "4201"))
    first = room.book.request("INVITE")
    room.reply(first, 480)
    ack, second = room.book.sent()
    assert isinstance(ack, Request)
    assert isinstance(second, Request)
    assert (ack.method, second.method, second.target) == ("ACK", "INVITE", "sip:b@192.0.2.21:5072")
    assert (second.call_id, second.cseq.number) == (first.call_id, first.cseq.number + 1)
    room.reply(second, 180)
    room.reply(second, 486)
    assert room.book.told() == [
        CallRinging(CallId(9)),
        CallEnded(CallId(9), End.BUSY, 486, "Whatever"),
    ]


def test_a_unit_is_called_at_the_port_it_names_where_no_nat_is_between():
    room = Room(flow=Flow(0, Carrier.UDP, US, Address("192.0.2.21", 40000)))
    for contact, port in (
        ("<sip:group@192.0.2.21:5061>", 5061),
        ("<sip:group@192.0.2.21>", 5060),
        ("<sip:group@10.1.1.1:5060>", 40000),
    ):
        room.register("*", extra="Expires: 0")
        room.register(contact)
        room.book.order(Dial(CallId(9 + port), "group", OFFER, "", "4201"))
        [flow] = room.book.flows()
        assert flow.remote.port == port
        room.book.sent()


def test_a_unit_behind_a_proxy_on_its_own_host_is_called_through_the_proxy():
    proxy = replace(UDP, remote=Address("192.0.2.21", 5070))
    room = Room(flow=proxy)
    room.register("<sip:group@192.0.2.21:5062>", "Via: SIP/2.0/UDP 192.0.2.21:5062;branch=z9hG4bKu")
    room.book.order(Dial(CallId(1), "group", OFFER, "Salle", "4201"))
    assert room.book.flows()[-1].remote == proxy.remote
    assert room.book.request("INVITE").target == "sip:group@192.0.2.21:5062"


PATH = "Path: <sip:edge.example;lr>,\r\n <sip:core@192.0.2.9:5070;lr>"


def test_a_unit_behind_proxies_is_called_by_the_path_they_wrote():
    """RFC 3327: the path is said back, and a request goes to its first with all as route."""
    room = Room()
    response = room.register(extra=PATH)
    assert response.values("Path") == ["<sip:edge.example;lr>", "<sip:core@192.0.2.9:5070;lr>"]
    assert "path" in response.options("Supported")
    (kept,) = room.book.kept()
    assert isinstance(kept, Keep)
    assert [str(one.uri) for one in kept.binding.path] == [
        "sip:edge.example;lr", "sip:core@192.0.2.9:5070;lr"
    ]  # fmt: skip
    room.book.order(Dial(CallId(7), "sip:group@jura", OFFER, "Salle", "4201"))
    invite = room.book.request("INVITE")
    assert invite.target == "sip:group@192.0.2.22:5060"
    assert invite.values("Route") == response.values("Path")


def test_a_path_by_the_way_it_came_uses_that_way():
    room = Room(flow=TCP)
    room.register(extra=f"Path: <sip:{TCP.remote.host};transport=tcp;lr>")
    room.book.order(Dial(CallId(7), "sip:group@jura", OFFER, "Salle", "4201"))
    assert room.book.flows()[-1] == TCP
    invite = room.book.request("INVITE")
    assert invite.values("Route") == [f"<sip:{TCP.remote.host};transport=tcp;lr>"]


@pytest.mark.parametrize(
    "path", ["<sip:p;lr>" + ",<sip:p;lr>" * 16, f"<sip:{'p' * 3000};lr>", "<tel:1>", "<sip:p"]
)
def test_a_path_that_is_none_is_refused_and_changes_nothing(path):
    room = Room()
    assert room.register(extra=f"Path: {path}").status == 400
    assert room.book.kept() == []


def test_a_call_taken_back_while_the_next_contact_is_called_is_cancelled_there():
    room = Room()
    room.register("<sip:a@192.0.2.31>;q=0.9, <sip:b@192.0.2.32>;q=0.5")
    room.book.order(Dial(CallId(9), "group", OFFER, "", "4201"))
    room.reply(room.book.request("INVITE"), 404)
    second = room.book.sent()[-1]
    room.book.order(HangUp(CallId(9)))
    assert room.book.sent() == []  # not before it was heard of (9.1)
    room.reply(second, 180)
    assert room.book.request("CANCEL").target == "sip:b@192.0.2.32"


# ---- GRUU (RFC 5627)


def test_a_unit_gets_addresses_that_always_mean_it():
    room = Room()
    answer = room.register(f"{HOME};{INSTANCE}", extra="Supported: gruu")
    contact = answer.contact
    public = contact.param("pub-gruu")
    assert public == (
        "sip:group@198.51.100.5:5060;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"
    )
    temporary = contact.param("temp-gruu")
    assert temporary.endswith("@198.51.100.5:5060;gr")
    assert "group" not in temporary
    room.call_id = "another unit, registered later"
    room.register("<sip:group@192.0.2.23>;expires=7000")
    again = room.register(f"{HOME};{INSTANCE}", extra="Supported: gruu", cseq=9)
    assert room.register("").contact.param("pub-gruu") is None  # it does not know of them
    newer = next(v for v in again.all("Contact") if "temp-gruu" in v)
    assert temporary not in newer
    for index, address in enumerate((public, public.replace("group@", "gr%6Fup@"))):
        room.book.sent()
        room.book.order(Dial(CallId(50 + index), address, OFFER, "", "4201"))
        assert room.book.request("INVITE").target == "sip:group@192.0.2.22:5060"


def test_a_temporary_gruu_holds_as_long_as_the_call_id():
    room = Room()

    def gruu():
        return room.register(f"{HOME};{INSTANCE}", extra="Supported: gruu").contact.param(
            "temp-gruu"
        )

    first, second = gruu(), gruu()
    assert first != second
    for index, address in enumerate((first, second)):
        room.book.order(Dial(CallId(60 + index), address, OFFER, "", "4201"))
        assert room.book.request("INVITE").target == "sip:group@192.0.2.22:5060"
    room.call_id = "anew"
    gruu()
    room.book.order(Dial(CallId(70), first, OFFER, "", "4201"))
    assert room.book.wishes[-1].hop.host == "198.51.100.5"  # nobody's of ours any more


def test_an_instance_that_is_no_urn_and_a_domain_that_is_no_host_do_no_harm():
    room = Room(replace(TRUSTING, domain="Haut Jura"))
    instance = '+sip.instance="<a;b?c d>"'
    public = room.register(f"{HOME};{instance}", extra="Supported: gruu").contact.param("pub-gruu")
    assert public == "sip:group@198.51.100.5:5060;gr=a%3Bb%3Fc%20d"
    [one] = room.book.core._desk.registrar.behind(parse_uri(public))
    assert means(parse_uri(public), one)
    assert not means(parse_uri(public.replace("198", "199")), one)


def test_our_domain_stands_in_gruus_and_may_be_required():
    room = Room(replace(TRUSTING, domain="jura.example"))
    answer = room.register(
        f"{HOME};{INSTANCE}", extra="Supported: gruu\nRequire: gruu\nExpires: 300"
    )
    assert answer.contact.param("pub-gruu").startswith("sip:group@jura.example;gr=")
    refused = room.register(HOME, extra="Require: gruu, teleport")
    assert (refused.status, refused.get("Unsupported")) == (420, "teleport")


def test_who_registers_its_own_gruu_is_refused():
    room = Room()
    answer = room.register(f"{HOME};{INSTANCE}", extra="Supported: gruu")
    assert room.register(f"<{answer.contact.param('pub-gruu')}>;{INSTANCE}").status == 403


# ---- bound with its answer, or not at all


def test_who_gets_no_200_is_bound_as_before():
    """Here a Contact of the 200 cannot be written: the home it was given is no host."""
    room = Room()
    room.register(f"{HOME};{INSTANCE}", extra="Supported: gruu")
    spoilt = replace(kept(room), home="no host")
    room = Room()
    room.book.remember(spoilt)
    room.book.told()
    refused = room.register("<sip:other@192.0.2.23>", extra="Supported: gruu", cseq=2)
    assert refused.status == 400
    assert room.book.told() == []
    assert room.book.kept() == []
    assert room.book.core._desk.registrar.bindings("group") == [spoilt]


@pytest.mark.parametrize(
    "contact",
    ["<sip:a@h1>, <sip:b@h2>;expires=1", "<sip:a@h1>, <http://h2>", "<sip:a@h1>, *",
     ", ".join(f"<sip:a@h{n}>" for n in range(MAX_CONTACTS + 1))],
)  # fmt: skip
def test_one_wrong_contact_binds_none_of_them(contact):
    room = Room()
    assert room.register(contact).status >= 400
    assert room.register("").all("Contact") == []
    assert room.book.kept() == []


def test_the_200_leaves_before_what_it_says_is_told_and_kept():
    room = Room()
    data = room.write("REGISTER").replace(b"<sip:hdx@192.0.2.21:5060>", HOME.encode())
    room.book.core.handle(Received(UDP, data), room.book.now)
    assert [type(one) for one in room.book.core.poll()] == [Send, Registered, Keep]


# ---- kept over a restart


def kept(room):
    [order] = room.book.kept()
    assert isinstance(order, Keep)
    return order.binding


def test_what_is_kept_comes_back_and_is_called_where_it_was():
    room = Room()
    first = room.register(
        f"{HOME};{INSTANCE}", extra="Supported: gruu\nExpires: 300\nUser-Agent: Group/1"
    )
    binding = kept(room)
    reborn = Room()
    reborn.book.remember(binding)
    fact = reborn.book.heard(Registered)
    assert (fact.account, fact.model, fact.display_name) == ("group", "Group/1", "Salle")
    reborn.book.order(Dial(CallId(9), first.contact.param("temp-gruu"), OFFER, "", "4201"))
    [flow] = reborn.book.flows()
    assert flow == UDP
    assert reborn.book.request("INVITE").target == "sip:group@192.0.2.22:5060"
    assert reborn.register("", cseq=7).get("Contact").endswith(";expires=300")
    reborn.book.wait(301)
    assert reborn.book.told()[-1] == Unregistered("group", "sip:group@192.0.2.22:5060")
    assert reborn.book.kept() == [Drop("group", "sip:group@192.0.2.22:5060")]


def test_each_refresh_is_kept_and_an_end_is_not():
    room = Room()
    for _ in range(2):
        room.register()
    assert [type(order) for order in room.book.kept()] == [Keep, Keep]
    room.register("*", extra="Expires: 0")
    assert room.book.kept() == [Drop("group", "sip:group@192.0.2.22:5060")]


def test_what_expired_or_may_register_no_more_is_forgotten():
    room = Room()
    room.register(extra="Expires: 60")
    binding = kept(room)
    for settings, late in ((CLOSED, 100.0), (SipSettings(), 0.0), (TRUSTING, 100.0)):
        book = Playbook(settings)
        book.now += late
        book.remember(binding)
        assert book.told() == []
        assert book.kept() == [Drop("group", binding.key)]


def test_who_was_faster_than_what_was_kept_is_not_set_back():
    room = Room()
    room.register(extra="Expires: 60")
    old = kept(room)
    room.register(extra="Expires: 600")
    room.book.told()
    room.book.remember(old)
    assert room.book.told() == []
    assert room.register("").get("Contact").endswith(";expires=600")
