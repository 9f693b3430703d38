"""A certificate that is shown is looked at as who comes will."""

import time

from sfu.app.doctor.certificate import check_certificate, names_in
from sfu.app.doctor.finding import Level
from sfu.shell.certificate import ensure_certificate


def test_a_certificate_of_our_own_is_noted_and_one_that_ends_is_wrong(tmp_path):
    made = ensure_certificate(tmp_path, ["visio.example.org", "localhost", "192.0.2.1"])

    def levels(now):
        return [one.level for one in check_certificate(made.chain, made.key, now)]

    assert levels(time.time()) == [Level.NOTE]
    assert levels(made.ends_at - 86_400) == [Level.WRONG]
    assert levels(1_000_000_000.0) == [Level.WRONG]
    assert names_in(made.chain) == ["visio.example.org"]


def test_a_key_everybody_reads_and_one_that_is_no_key(tmp_path):
    made = ensure_certificate(tmp_path, ["a.example"])
    made.key.chmod(0o644)
    checks = [(one.check, one.level) for one in check_certificate(made.chain, made.key)]
    assert ("private key", Level.WRONG) in checks
    made.key.write_text("rubbish")
    [finding] = check_certificate(made.chain, made.key)
    assert finding.level is Level.WRONG
