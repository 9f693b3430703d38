"""RFC 4475: each of its messages, fed to the whole core over UDP, ends as the RFC says.

A row is the section, the message, what we do and what the RFC says where it leaves a choice.  A
number is the status we answer; OFFERED is a call that the server hears of; TAKEN a response that
is read, DROPPED one that is not: neither answers anything of ours, so both stay silent.
"""

from ipaddress import ip_network
from pathlib import Path

import pytest

from sfu.errors import PeerError
from sfu.signalling.call import CallOffered
from sfu.signalling.sip.framing import Framer
from sfu.signalling.sip.message import Request, Response, parse_message
from sfu.signalling.sip.registrar import Registered
from sfu.signalling.sip.settings import SipSettings
from tests.playbook import Playbook

MESSAGES = Path(__file__).parents[2] / "vectors" / "rfc4475"
OPEN = SipSettings(networks=(ip_network("192.0.2.0/24"),))
OFFERED, TAKEN, DROPPED = "offered", "taken", "dropped"

TABLE = [
    # 3.1.1 valid messages
    ("3.1.1.1", "wsinv", 481, "well-formed; its To has a tag of a dialog we do not know"),
    ("3.1.1.2", "intmeth", 501, "refused with the methods there are"),
    ("3.1.1.3", "esc01", OFFERED, ""),
    ("3.1.1.4", "escnull", 200, "two contacts, of which each has a null byte"),
    ("3.1.1.5", "esc02", 501, "RE%47IST%45R is not REGISTER"),
    ("3.1.1.6", "lwsdisp", 200, ""),
    ("3.1.1.7", "longreq", OFFERED, ""),
    ("3.1.1.8", "dblreq", 200, "the REGISTER; what follows it in the datagram is dropped"),
    ("3.1.1.9", "semiuri", 200, "the user part holds a semicolon"),
    ("3.1.1.10", "transports", 200, ""),
    ("3.1.1.11", "mpart01", 405, "well-formed; we take no MESSAGE"),
    ("3.1.1.12", "unreason", TAKEN, ""),
    ("3.1.1.13", "noreason", TAKEN, ""),
    # 3.1.2 invalid messages
    ("3.1.2.1", "badinv01", 400, ""),
    ("3.1.2.2", "clerr", 400, ""),
    ("3.1.2.3", "ncl", 400, "an error"),
    ("3.1.2.4", "scalar02", 400, ""),
    ("3.1.2.5", "scalarlg", DROPPED, ""),
    ("3.1.2.6", "quotbal", 400, ""),
    ("3.1.2.7", "ltgtruri", 400, "or taken liberally"),
    ("3.1.2.8", "lwsruri", 400, ""),
    ("3.1.2.9", "lwsstart", OFFERED, "400, or taken liberally"),
    ("3.1.2.10", "trws", 200, "400, or taken liberally"),
    ("3.1.2.11", "escruri", OFFERED, "400, or without the escaped headers"),
    ("3.1.2.12", "baddate", OFFERED, "the Date means nothing to us: ignored"),
    ("3.1.2.13", "regbadct", 400, ""),
    ("3.1.2.14", "badaspec", 200, "400, or the blanks ignored"),
    ("3.1.2.15", "baddn", 200, "400, or the missing quotes inferred"),
    ("3.1.2.16", "badvers", 505, ""),
    ("3.1.2.17", "mismatch01", 400, ""),
    ("3.1.2.18", "mismatch02", 400, "501 or 400"),
    ("3.1.2.19", "bigcode", DROPPED, ""),
    # 3.2 transaction layer
    ("3.2.1", "badbranch", 200, "told apart as RFC 2543 did"),
    # 3.3 application layer
    ("3.3.1", "insuf", 400, ""),
    ("3.3.2", "unkscm", 416, ""),
    ("3.3.3", "novelsc", 416, ""),
    ("3.3.4", "unksm2", 400, "a registrar takes SIP URIs alone in To"),
    ("3.3.5", "bext01", 420, ""),
    ("3.3.6", "invut", 415, ""),
    ("3.3.7", "regaut01", 200, "no credentials of ours: asked for where they are needed"),
    ("3.3.8", "multi01", 400, ""),
    ("3.3.9", "mcl01", 400, "an error"),
    ("3.3.10", "bcast", TAKEN, "nothing goes to a broadcast address"),
    ("3.3.11", "zeromf", 200, "the destination answers"),
    ("3.3.12", "cparam01", 200, ""),
    ("3.3.13", "cparam02", 200, ""),
    ("3.3.14", "regescrt", 200, ""),
    ("3.3.15", "sdp01", 406, ""),
    # 3.4 backward compatibility
    ("3.4.1", "inv2543", OFFERED, ""),
]  # fmt: skip


def message(name):
    return (MESSAGES / f"{name}.dat").read_bytes()


def fed(name, settings=OPEN):
    book = Playbook(settings)
    book.receive(message(name))
    return book


def readable(data):
    """Tell whether what finds the request of a response can be read."""
    try:
        response = parse_message(data)
        return isinstance(response, Response) and bool(response.via and response.cseq)
    except PeerError:
        return False


@pytest.mark.parametrize(("section", "name", "outcome", "why"), TABLE)
def test_it_ends_as_the_rfc_says(section, name, outcome, why):
    book = fed(name)
    if outcome is OFFERED:
        assert book.statuses() == [100]
        assert isinstance(book.told()[0], CallOffered)
    elif outcome in (TAKEN, DROPPED):
        assert (book.sent(), book.told()) == ([], [])
        assert readable(message(name)) is (outcome is TAKEN)
    else:
        assert book.statuses() == [outcome]
        assert all(isinstance(fact, Registered) for fact in book.told())


def test_the_table_names_each_message_once():
    names = [name for _, name, _, _ in TABLE]
    assert sorted(names) == sorted(path.stem for path in MESSAGES.glob("*.dat"))
    assert len(names) == 49


# ---- what the outcome alone does not show


def test_the_tortuous_invite_is_read_as_it_is_meant():
    request = parse_message(message("wsinv"))
    assert isinstance(request, Request)
    assert (request.cseq.number, request.cseq.method) == (9, "INVITE")
    assert request.get("Max-Forwards") == "0068"
    assert (request.to.tag, request.sender.tag) == ("1918181833n", "98asjd8")
    assert request.sender.name == 'J Rosenberg \\"'
    assert [via.branch for via in request.vias] == [
        "390skdjuw", "z9hG4bK9ikj8", "z9hG4bK30239",
    ]  # fmt: skip
    assert [via.transport for via in request.vias] == ["UDP", "TCP", "UDP"]
    assert request.get("NewFangledHeader") == "newfangled value continued newfangled value"
    assert request.get("Subject") == ""
    assert len(request.body) == 150


def test_a_tortuous_invite_without_the_tag_of_another_dialog_is_a_call():
    book = Playbook()
    book.receive(message("wsinv").replace(b"tag    = 1918181833n", b"other = x"))
    assert isinstance(book.told()[0], CallOffered)


def test_escapes_stay_what_they_are():
    book = fed("esc01")
    offered = book.heard(CallOffered)
    assert offered.target == "sips:user@example.com"
    assert offered.caller.startswith("I have spaces@")
    contacts = fed("escnull").response().all("Contact")
    assert sorted(one.partition("@")[0] for one in contacts) == ["<sip:%00", "<sip:%00%00"]


def test_parameters_stay_where_they_stood():
    outside = fed("cparam01").response().contact
    assert (outside.uri.param("unknownparam"), outside.param("unknownparam")) == (None, "")
    inside = fed("cparam02").response().contact
    assert (inside.uri.param("unknownparam"), inside.param("unknownparam")) == ("", None)
    assert fed("regescrt").response().contact.uri.headers == "Route=%3Csip:sip.example.com%3E"


def test_refusals_say_how_to_do_it_right():
    assert fed("bext01").response().get("Unsupported") == (
        "nothingsupportsthis, nothingsupportsthiseither"
    )
    assert "application/sdp" in (fed("invut").response().get("Accept") or "")
    assert "INVITE" in (fed("intmeth").response().get("Allow") or "")
    closed = SipSettings(accounts={"j.user": "pw"})
    challenge = fed("regaut01", closed).response()
    assert challenge.status == 401
    assert "Digest" in (challenge.get("WWW-Authenticate") or "")


def test_names_without_their_quotes_are_read_all_the_same():
    request = parse_message(message("baddn"))
    assert request.sender.name == "Bell, Alexander"
    assert request.sender.uri.address == "a.g.bell@example.com"
    assert parse_message(message("badaspec")).to.uri.address == "t.watson@example.org"


def test_on_a_stream_what_follows_is_another_message():
    first, second, *_ = Framer().feed(message("dblreq"))
    assert (first[:8], second[:6]) == (b"REGISTER", b"INVITE")


@pytest.mark.parametrize("name", ["ncl", "mcl01"])
def test_a_stream_whose_lengths_are_wrong_is_given_up(name):
    framer = Framer()
    assert framer.feed(message(name)) == []
    assert framer.error is not None
