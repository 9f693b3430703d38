import socket

import pytest

from sfu.errors import UseError
from sfu.shell.fault import naming


def test_a_busy_port_is_named():
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        first.listen()
        with pytest.raises(UseError, match=r"^page is in use"), naming("page"):
            second.bind(first.getsockname())


def test_an_address_of_another_host_is_named():
    with (
        socket.socket() as sock,
        pytest.raises(UseError, match=r"^page is no address of this host$"),
        naming("page"),
    ):
        sock.bind(("192.0.2.1", 0))


def test_what_is_rare_keeps_the_words_of_the_system(tmp_path):
    with pytest.raises(UseError, match=r"^file cannot be used: Is a directory$"), naming("file"):
        tmp_path.open()
