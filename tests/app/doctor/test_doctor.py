"""What the doctor found, as people and programs read it."""

from sfu.app.doctor import certificate_files, examine, table, view
from sfu.app.doctor.finding import Level, Words, fine, note, wrong
from sfu.config import Http, Settings, Tls

FOUND = [
    fine("disk", "de la place", "room"),
    note("nat", Words("privé", "private"), Words("Écrivez.", "Write.")),
    wrong("clock", Words("fausse", "wrong"), Words("Réglez-la.", "Set it.")),
]


def test_a_table_in_two_languages():
    assert table(FOUND, "fr").splitlines() == [
        "  ok   de la place",
        " note  privé",
        "       -> Écrivez.",
        "WRONG  fausse",
        "       -> Réglez-la.",
        "",
        "1 chose(s) à corriger",
    ]
    assert table(FOUND[:2], "en").endswith("nothing to mend")


def test_a_view_for_programs():
    said = view(FOUND, "en")
    assert said["ok"] is False
    assert said["findings"][2] == {  # type: ignore[index]
        "check": "clock", "level": "wrong", "said": "wrong", "fix": "Set it.",
    }  # fmt: skip
    assert view(FOUND[:2], "en")["ok"] is True


def test_without_a_server_all_but_the_loops_is_looked_at(tmp_path):
    settings = Settings(data=str(tmp_path), http=Http(local_port=39_999))
    checks = {one.check: one.level for one in examine(settings, {})}
    assert checks["server"] is Level.NOTE
    assert {"port sip.udp_port", "addresses", "disk", "database", "clock"} <= set(checks)
    assert not [one for one in checks if one.startswith("loop")]
    assert all(one.fix for one in examine(settings, {}) if one.level is Level.WRONG)


def test_where_the_certificate_lies(tmp_path):
    made, _ = certificate_files(Settings(data=str(tmp_path)), {})
    assert made == tmp_path / "tls" / "certificate.pem"
    given = Settings(tls=Tls(certificate="/etc/sfu/chain.pem", private_key="/etc/sfu/key.pem"))
    assert str(certificate_files(given, {})[1]) == "/etc/sfu/key.pem"
