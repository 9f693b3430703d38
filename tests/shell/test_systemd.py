"""The service manager hears what sd_notify(3) says, and nothing where there is none."""

import os
import socket

import pytest

from sfu.shell.systemd import Manager


@pytest.fixture(params=["file", "abstract"])
def heard(request, tmp_path):
    name = str(tmp_path / "notify") if request.param == "file" else f"@sfu-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(name.replace("@", "\0", 1) if name[0] == "@" else name)
        sock.setblocking(False)
        yield name, sock


def said(sock):
    lines = []
    while True:
        try:
            lines.append(sock.recv(4096).decode())
        except BlockingIOError:
            return lines


def test_the_life_of_a_service(heard):
    name, sock = heard
    manager = Manager({"NOTIFY_SOCKET": name})
    manager.ready("2 rooms")
    manager.reloading()
    manager.status("drains")
    manager.stopping()
    first, reloading, *rest = said(sock)
    assert first == "READY=1\nSTATUS=2 rooms"
    assert reloading.startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert rest == ["STATUS=drains", "STOPPING=1"]


def test_it_lives_three_times_as_often_as_is_asked(heard):
    name, sock = heard
    manager = Manager({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "30000000"})
    for tenth in range(1000):  # 100 s
        manager.alive(tenth / 10)
    assert said(sock) == ["WATCHDOG=1"] * 10


@pytest.mark.parametrize(
    "environ",
    [{}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}],
)
def test_nobody_wants_a_sign_of_life(heard, environ):
    name, sock = heard
    Manager({"NOTIFY_SOCKET": name, **environ}).alive(5.0)
    assert said(sock) == []


def test_without_a_manager_nothing_is_said(tmp_path):
    Manager({}).ready("here")
    Manager({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready("here")


def test_words_are_one_line(heard):
    name, sock = heard
    Manager({"NOTIFY_SOCKET": name}).status("two\nSTOPPING=1")
    assert said(sock) == ["STATUS=two STOPPING=1"]
