"""Who is attacked in place of the server: the same storm, the same work, another program.

    python -m benchmarks.decoy PORT     until its input ends

It listens where the server would, reads what comes and works on each message for as long as the
server does.  A meeting that is as late beside it as beside the attacked server is late because of
the machine: attacker, kernel and victim share its cores.
"""

import hashlib
import selectors
import socket
import sys

HOST = "127.0.0.1"
WORK = bytes(40_000)
"""Hashed for each datagram: about what an INVITE of a stranger costs the server, 0.1 ms."""


def listen(port: int) -> list[socket.socket]:
    """Bind the ports that storms go to: SIP over UDP, TCP and TLS, page, browsers, H.323."""
    made = []
    for kind, places in ((socket.SOCK_DGRAM, (0, 4)), (socket.SOCK_STREAM, (0, 1, 2, 5))):
        for place in places:
            sock = socket.socket(socket.AF_INET, kind)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((HOST, port + place))
            if kind == socket.SOCK_STREAM:
                sock.listen(128)
            sock.setblocking(False)
            made.append(sock)
    return made


def run(port: int) -> None:
    """Take whatever comes."""
    listening = listen(port)
    with selectors.DefaultSelector() as selector:
        for one in (*listening, sys.stdin):
            selector.register(one, selectors.EVENT_READ)
        print("ready", flush=True)
        while True:
            for key, _ in selector.select():
                sock = key.fileobj
                if not isinstance(sock, socket.socket):
                    return
                _serve(selector, sock, accepting=sock in listening)


def _serve(selector: selectors.BaseSelector, sock: socket.socket, *, accepting: bool) -> None:
    try:
        if sock.type == socket.SOCK_STREAM and accepting:
            connection, _ = sock.accept()
            connection.setblocking(False)
            selector.register(connection, selectors.EVENT_READ)
            return
        if sock.recv(65536) or sock.type == socket.SOCK_DGRAM:
            hashlib.sha256(WORK).digest()
            return
    except BlockingIOError:
        return
    except OSError:
        pass
    selector.unregister(sock)
    sock.close()


if __name__ == "__main__":
    run(int(sys.argv[1]))
