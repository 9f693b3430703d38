"""Renewed certificates are found, half of one is left alone."""

import os

import pytest

from sfu.errors import UseError
from sfu.shell.certificate import ensure_certificate
from sfu.shell.renewal import Renewal


def write(folder, made):
    """Put a certificate where another one was, as a renewal does: file by file."""
    folder.mkdir(exist_ok=True)
    for name, path in (("key.pem", made.key), ("chain.pem", made.chain)):
        new = folder / "new"
        new.write_bytes(path.read_bytes())
        os.replace(new, folder / name)


@pytest.fixture
def first(tmp_path):
    return ensure_certificate(tmp_path / "first", ["a.example"])


@pytest.fixture
def second(tmp_path):
    return ensure_certificate(tmp_path / "second", ["b.example"])


def test_a_renewed_certificate_is_found_once(tmp_path, first, second):
    home = tmp_path / "tls"
    write(home, first)
    renewal = Renewal(home / "chain.pem", home / "key.pem")
    assert renewal.look() is None
    write(home, second)
    found = renewal.look()
    assert found is not None
    assert found.fingerprint == second.fingerprint
    assert renewal.look() is None


def test_half_of_one_is_told_once_and_the_whole_is_found(tmp_path, first, second):
    home = tmp_path / "tls"
    write(home, first)
    renewal = Renewal(home / "chain.pem", home / "key.pem")
    (home / "chain.pem").write_bytes(second.chain.read_bytes())
    with pytest.raises(UseError, match="is not the key of"):
        renewal.look()
    assert renewal.look() is None
    (home / "key.pem").write_bytes(second.key.read_bytes())
    found = renewal.look()
    assert found is not None
    assert found.fingerprint == second.fingerprint


def test_a_link_that_leads_elsewhere_is_a_renewal(tmp_path, first, second):
    live = tmp_path / "live"
    live.symlink_to(first.chain.parent)
    renewal = Renewal(live / first.chain.name, live / first.key.name)
    live.unlink()
    live.symlink_to(second.chain.parent)
    found = renewal.look()
    assert found is not None
    assert found.fingerprint == second.fingerprint


def test_a_certificate_that_is_gone_is_told(tmp_path, first):
    renewal = Renewal(first.chain, first.key)
    first.chain.unlink()
    with pytest.raises(UseError, match="cannot read"):
        renewal.look()


def test_whoever_asks_for_it_reads_it_anyhow(first):
    found = Renewal(first.chain, first.key).look(anyhow=True)
    assert found is not None
    assert found.fingerprint == first.fingerprint
    assert found.ends_at > 1_700_000_000
