"""Every way to be wrong gives one line that names the place, the key and the reason."""

import contextlib
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.config import load
from sfu.errors import UseError


def line_of(tmp_path, text, environ=None):
    path = tmp_path / "sfu.toml"
    path.write_text(text)
    with pytest.raises(UseError) as caught:
        load(path, environ or {})
    line = str(caught.value)
    assert "\n" not in line
    return line.removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[http]\ntls_prot = 1", "http.tls_prot: unknown key; perhaps tls_port?"),
        ("[htp]\ntls_port = 1", "htp: unknown key; perhaps http?"),
        ("[[room]]\nnumber = '1'\npinn = '1'", "room[1].pinn: unknown key; perhaps pin?"),
        ("colour = 1", "colour: unknown key"),
        ("[http]\ntls_port = 70000", "http.tls_port: must be 65535 or less"),
        ("[http]\ntls_port = '8443'", "http.tls_port: must be a whole number, without quotes"),
        ("[http]\ntls_port = true", "http.tls_port: must be a whole number, without quotes"),
        ("[limits]\nvanish_s = nan", "limits.vanish_s: must be "),
        ("http = 3", "http: must be a table: [http]"),
        ("[room]\nnumber = '4201'", "room: must be tables: each begins with [[room]]"),
        ("[[room]]\nname = 'x'", "room[1].number: is missing"),
        ("[[room]]\nnumber = 4201", "room[1].number: must stand in quotes"),
        ("[[room]]\nnumber = '4201'\npin = '12'", "room[1].pin: must be 4 to 12 digits"),
        ("[network]\nlisten = ['town hall']", "network.listen[1]: not an IP address"),
        ("[register]\nnetworks = ['192.0.2.1/24']", "register.networks[1]: not an IP address"),
        ("[sip\n", "Expected ']'"),
        ("[log]\nlevel = 'loud'", "log.level: must be 'debug', 'info', "),
    ],
)
def test_a_fault_in_the_file_is_named(tmp_path, text, said):
    assert line_of(tmp_path, text).startswith(said)


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        (
            {"SFU_HTTP__TLS_PORT": "many"},
            "SFU_HTTP__TLS_PORT: http.tls_port: must be a whole number",
        ),
        ({"SFU_COLOUR": "red"}, "SFU_COLOUR: colour: unknown key"),
        ({"SFU_NETWORK__LISTEN": "[oops"}, "SFU_NETWORK__LISTEN: not a list"),
        ({"SFU_ROOM__NUMBER": "1"}, "SFU_ROOM__NUMBER: room: tables that repeat"),
        ({"SFU_SIP__UDP_PORT": "10000"}, "webrtc.udp_port: 10000 is used twice"),
    ],
)
def test_a_fault_in_the_environment_is_named_by_its_variable(tmp_path, environ, said):
    assert line_of(tmp_path, "[[room]]\nnumber = '4201'\n", environ).startswith(said)


def test_the_environment_goes_before_the_file(tmp_path):
    path = tmp_path / "sfu.toml"
    path.write_text("[http]\ntls_port = 9000\n[sip]\ndomain = 'a.example'\n")
    environ = {
        "SFU_HTTP__TLS_PORT": "9443",
        "SFU_NETWORK__LISTEN": '["192.0.2.1", "2001:db8::1"]',
        "SFU_MEDIA__GSO": "false",
        "HOME": "/",
    }
    found = load(path, environ)
    assert (found.http.tls_port, found.sip.domain, found.media.gso) == (9443, "a.example", False)
    assert found.network.listen == (ip_address("192.0.2.1"), ip_address("2001:db8::1"))


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(UseError, match=r"no\.toml: No such file or directory$"):
        load(tmp_path / "no.toml", {})
    with pytest.raises(UseError, match=r"Is a directory$"):
        load(tmp_path, {})
    (tmp_path / "latin").write_bytes(b"data = '\xe9'")
    with pytest.raises(UseError, match=r"not UTF-8 at byte 8$"):
        load(tmp_path / "latin", {})


def test_no_message_and_no_repr_tells_a_secret(tmp_path):
    assert "s3cret" not in line_of(tmp_path, "[[account]]\nuser = 3\npassword = 's3cret'")
    assert "987" not in line_of(tmp_path, "[[room]]\nnumber = '1'\npin = '987'")
    path = tmp_path / "good.toml"
    path.write_text(
        "[[account]]\nuser = 'a'\npassword = 's3cret'\n[[room]]\nnumber='1'\npin='9876'"
    )
    found = load(path, {})
    assert found.password_of("a") == "s3cret"
    assert "s3cret" not in repr(found)
    assert "9876" not in repr(found)


@settings(max_examples=60)
@given(st.dictionaries(st.text(max_size=8), st.text(max_size=12), max_size=4))
def test_no_environment_raises_anything_else(environ):
    with contextlib.suppress(UseError):
        load(None, {f"SFU_{name}": text for name, text in environ.items()})
