"""The first password is seen by who watches the terminal, else by who owns the directory."""

import io
import os
import stat

from structlog.testing import capture_logs

from sfu.app.first import tell_first


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_on_a_terminal_it_is_shown_and_written_nowhere(tmp_path):
    with capture_logs() as said:
        words = tell_first("abcd-efgh", tmp_path, Terminal())
    assert "admin  abcd-efgh" in words
    assert (said, list(tmp_path.iterdir())) == ([], [])


def test_elsewhere_it_is_left_for_its_owner_and_no_line_holds_it(tmp_path):
    with capture_logs() as said:
        words = tell_first("abcd-efgh", tmp_path, io.StringIO())
    path = tmp_path / "first-password"
    assert (words, path.read_text()) == ("", "abcd-efgh\n")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert said[0]["file"] == str(path)
    assert "abcd" not in str(said)


def test_where_there_are_accounts_nothing_is_said(tmp_path):
    assert tell_first(None, tmp_path, Terminal()) == ""
    assert list(tmp_path.iterdir()) == []
