"""The server goes before ordinary programs where it may, and starts all the same where not."""

import os

from sfu import app


def test_it_asks_to_go_before_others(monkeypatch):
    asked = []
    monkeypatch.setattr(os, "setpriority", lambda *words: asked.append(words))
    app._come_first()
    assert asked == [(os.PRIO_PROCESS, 0, app.NICE)]
    assert app.NICE < 0


def test_where_it_may_not_it_goes_on(monkeypatch):
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", refuse)
    app._come_first()
