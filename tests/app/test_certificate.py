"""The certificate we show is another as soon as its files are, and as it was where they are bad."""

import asyncio
from pathlib import Path

import pytest

from sfu.app import certificate
from sfu.app.certificate import ShownCertificate
from sfu.config import Settings
from sfu.config.listening import Tls
from sfu.errors import UseError
from sfu.shell.certificate import Certificate, ensure_certificate
from sfu.shell.tasks import end, spawn


class Page:
    """Whoever shows it."""

    def __init__(self) -> None:
        self.shown: list[Path] = []

    def show(self, chain: Path, key: Path) -> None:
        assert key.parent == chain.parent
        self.shown.append(chain)


def tls_of(made: Certificate) -> Tls:
    return Tls(certificate=str(made.chain), private_key=str(made.key))


@pytest.fixture
def first(tmp_path):
    return ensure_certificate(tmp_path / "first", ["a.example"])


@pytest.fixture
def second(tmp_path):
    return ensure_certificate(tmp_path / "second", ["b.example"])


def test_without_one_configured_one_is_made_and_kept(tmp_path):
    made = ShownCertificate(Settings(tls=Tls(names=("visio.example",))), tmp_path / "tls").now
    again = ShownCertificate(Settings(), tmp_path / "tls").now
    assert made.chain == tmp_path / "tls" / "certificate.pem"
    assert made.fingerprint == again.fingerprint


def test_settings_that_name_another_have_it_shown_once_they_count(tmp_path, first, second):
    page, ours = Page(), ShownCertificate(Settings(tls=tls_of(first)), tmp_path / "unused")
    ours.shows.append(page.show)
    found = ours.read(tls_of(second))
    assert (ours.now.fingerprint, page.shown) == (first.fingerprint, [])
    ours.take(found)
    assert (ours.now.fingerprint, page.shown) == (second.fingerprint, [second.chain])
    ours.take(ours.read())  # the files looked at are the other ones now
    assert page.shown == [second.chain] * 2


def test_one_that_cannot_serve_changes_nothing(tmp_path, first, second):
    ours = ShownCertificate(Settings(tls=tls_of(first)), tmp_path / "unused")
    with pytest.raises(UseError, match="is not the key of"):
        ours.read(Tls(certificate=str(second.chain), private_key=str(first.key)))
    assert ours.now.fingerprint == first.fingerprint


def test_a_renewal_is_shown_while_we_serve(tmp_path, first, second, monkeypatch):
    monkeypatch.setattr(certificate, "LOOK_EVERY_S", 0.001)
    page, ours = Page(), ShownCertificate(Settings(tls=tls_of(first)), tmp_path / "unused")
    ours.shows.append(page.show)

    async def story():
        watching = spawn("certificate", ours.watch())
        second.chain.replace(first.chain)
        second.key.replace(first.key)
        while not page.shown:
            await asyncio.sleep(0.001)
        await end(watching)

    asyncio.run(asyncio.wait_for(story(), 10))
    assert ours.now.fingerprint == second.fingerprint
    assert page.shown == [first.chain]
