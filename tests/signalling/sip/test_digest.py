import pytest

from sfu.errors import PeerError
from sfu.signalling.sip.digest import Secret, check, parse, prove, response_of, write_challenge
from sfu.signalling.sip.guard import NONCE_LIFE_S, Guard, Verdict
from sfu.signalling.sip.message import Request

RFC7616 = (
    'username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", nc=00000001, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", qop=auth, '
    'cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"'
)


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_rfc_7616(algorithm, response):
    fields = parse(f'Digest {RFC7616}, algorithm={algorithm}, response="{response}"')
    assert check(fields, "Circle of Life", "http-auth@example.org", "GET", b"")
    assert not check(fields, "circle of life", "http-auth@example.org", "GET", b"")


def test_without_qop_as_old_units_speak():
    """RFC 2069's example, with the response its errata give."""
    fields = {
        "nonce": "dcd98b7102dd2f0e8b11d0f600bfb0c093",
        "uri": "/dir/index.html",
    }
    user, realm = "Mufasa", "testrealm@host.com"
    assert (
        response_of(fields, user, realm, "CircleOfLife", "GET", b"")
        == "1949323746fe6a43ef61f9606e7febea"
    )


@pytest.mark.parametrize(
    "challenge",
    [
        'Digest realm="r", nonce="n"',
        'Digest realm="r", nonce="n", qop="auth,auth-int", opaque="o", algorithm=MD5',
        'Digest realm="r", nonce="n", qop="auth-int", algorithm=SHA-256',
        'Digest realm="r",nonce="n",qop="auth",algorithm=md5-sess',
    ],
)
def test_we_prove_what_we_check(challenge):
    proof = prove([challenge], Secret("u", 'p"w'), "INVITE", "sip:x", b"body", "cn")
    assert proof is not None
    fields = parse(proof)
    assert check(fields, 'p"w', "r", "INVITE", b"body")
    assert not check(fields, "other", "r", "INVITE", b"body")


def test_the_strongest_challenge_is_answered_and_foreign_realms_are_not():
    both = [write_challenge("r", "n", name, stale=False) for name in ("MD5", "SHA-256")]
    proof = prove([*both, "Basic x"], Secret("u", "p"), "INVITE", "sip:x", b"", "c")
    assert proof is not None
    assert parse(proof)["algorithm"] == "SHA-256"
    assert prove(both, Secret("u", "p", "other"), "INVITE", "sip:x", b"", "c") is None
    unknown = ['Digest realm="r", nonce="n", algorithm=SHA-1024']
    assert prove(unknown, Secret("u", "p"), "INVITE", "sip:x", b"", "c") is None


def test_unreadable_credentials_are_the_peers_fault():
    with pytest.raises(PeerError):
        parse("Basic dXNlcg==")
    assert parse("Digest ,,, = , x") == {}


GUARD = Guard("jura", {"morez": "pw"}, b"secret")


def judged(password="pw", user="morez", asked_at=100.0, proven_at=101.0, algorithm=1):
    challenge = GUARD.challenges(asked_at, stale=False)[algorithm][1]
    proof = prove([challenge], Secret(user, password), "REGISTER", "sip:x", b"", "c")
    assert proof is not None
    request = Request((("Authorization", proof),), b"", "REGISTER", "sip:x")
    return GUARD.judge(request, proven_at)


def test_the_guard_judges():
    assert judged() == (Verdict.PROVEN, "morez")
    assert judged(algorithm=0) == (Verdict.PROVEN, "morez")
    assert judged(user="morez@jura") == (Verdict.PROVEN, "morez")
    assert judged(password="no") == (Verdict.WRONG, None)
    assert judged(user="nobody", password="") == (Verdict.WRONG, None)
    assert judged(proven_at=102 + NONCE_LIFE_S) == (Verdict.STALE, None)
    assert GUARD.judge(Request((), b"", "REGISTER", "sip:x"), 0) == (Verdict.NONE, None)


def test_a_nonce_somebody_made_up_is_stale_never_proven():
    for nonce in ("", "5f-", "zz-aa", "64-" + "0" * 32, "é-é"):
        proof = f'Digest realm="jura", username="morez", nonce="{nonce}", response="x"'
        request = Request((("Authorization", proof),), b"", "REGISTER", "sip:x")
        assert GUARD.judge(request, 100)[0] is Verdict.STALE


def test_a_client_that_stumbles_over_a_second_challenge_gets_one():
    assert len(GUARD.challenges(1, stale=False)) == 2
    [(_, only)] = GUARD.challenges(1, stale=False, model="baresip v1.0.0 (x86_64/linux)")
    assert "algorithm=MD5" in only


def test_stale_is_said():
    assert "stale=true" in GUARD.challenges(1, stale=True)[0][1]
