"""Requests of our own go where they are told and no further."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sfu.shell.ask import ANSWER_BYTES, ask


class Far(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/ssh":
            self.wfile.write(b"SSH-2.0-OpenSSH_9.7\r\n")
            self.close_connection = True
            return
        status = {"/moved": 302, "/broken": 500}.get(self.path, 200)
        body = b"x" * (ANSWER_BYTES + 5 if self.path == "/long" else 3)
        self.send_response(status)
        self.send_header("location", "/elsewhere")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.do_GET()

    def log_message(self, *_):
        pass


@pytest.fixture
def place():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Far)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_each_answer_is_given_as_it_came(place):
    assert ask(place + "/ok") == (200, b"xxx")
    assert ask(place + "/ok", b"{}", {"x": "y"}) == (200, b"xxx")
    assert ask(place + "/moved") == (302, b"xxx")
    assert ask(place + "/broken", b"{}") == (500, b"xxx")


def test_an_answer_without_end_is_cut(place):
    assert len(ask(place + "/long")[1]) == ANSWER_BYTES


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/", "", "http:///x"])
def test_what_is_not_the_web_is_not_asked(url):
    with pytest.raises((ValueError, OSError)):
        ask(url)


def test_what_answers_and_speaks_no_http_is_an_oserror(place):
    with pytest.raises(OSError, match="no answer of HTTP"):
        ask(place + "/ssh")
