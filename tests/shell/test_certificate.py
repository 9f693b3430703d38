import stat

import pytest
from cryptography import x509

from sfu.errors import UseError
from sfu.shell import certificate
from sfu.shell.certificate import ensure_certificate, load_certificate, machine_names


def test_the_first_start_makes_one_and_the_second_keeps_it(tmp_path):
    first = ensure_certificate(tmp_path / "data", ["localhost", "127.0.0.1"])
    assert ensure_certificate(tmp_path / "data", ["other"]) == first
    assert len(first.fingerprint) == 95


def test_only_its_owner_can_read_the_key(tmp_path):
    made = ensure_certificate(tmp_path, ["localhost"])
    assert stat.S_IMODE(made.key.stat().st_mode) == 0o600


def test_it_names_hosts_and_addresses(tmp_path):
    made = ensure_certificate(tmp_path, ["localhost", "::1", "127.0.0.1", "mairie.exämple"])
    names = (
        x509.load_pem_x509_certificate(made.chain.read_bytes())
        .extensions.get_extension_for_class(x509.SubjectAlternativeName)
        .value
    )
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "mairie.xn--exmple-cua"]
    assert {str(ip) for ip in names.get_values_for_type(x509.IPAddress)} == {"::1", "127.0.0.1"}


def test_one_that_is_about_to_end_is_made_again(tmp_path, monkeypatch):
    monkeypatch.setattr(certificate, "VALID_DAYS", 20)
    old = ensure_certificate(tmp_path, ["localhost"])
    monkeypatch.setattr(certificate, "VALID_DAYS", 3650)
    assert ensure_certificate(tmp_path, ["localhost"]).fingerprint != old.fingerprint


def test_the_machine_is_always_known_as_localhost():
    assert {"localhost", "127.0.0.1", "::1"} <= set(machine_names())


def test_files_that_cannot_be_used_are_named_in_one_line(tmp_path):
    made = ensure_certificate(tmp_path / "a", ["localhost"])
    other = ensure_certificate(tmp_path / "b", ["localhost"])
    with pytest.raises(UseError, match="is not the key of"):
        load_certificate(made.chain, other.key)
    with pytest.raises(UseError, match=r"cannot read .*missing\.pem: No such file"):
        load_certificate(tmp_path / "missing.pem", made.key)
    with pytest.raises(UseError, match="no PEM"):
        load_certificate(made.key, made.key)
