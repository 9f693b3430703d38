"""Port 80, where it is opened: an authority's challenges (ACME), and the way to the page.

An authority proves that a name is ours by fetching a file that certbot has laid down
(RFC 8555 section 8.3).  Everything else is sent on to the page, with TLS.
"""

import os
import re
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

PLACE = ".well-known/acme-challenge"
TOKEN = re.compile(rf"/{re.escape(PLACE)}/([A-Za-z0-9_-]{{1,128}})")
HOST = re.compile(r"([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
MOST_BYTES = 4096
"""A key authorization has some ninety."""


def challenge_app(webroot: Path, tls_port: int) -> ASGIApp:
    """Make the application that listens on port 80."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            answer = _answer(Request(scope), webroot, tls_port)
            await answer(scope, receive, send)

    return app


def _answer(request: Request, webroot: Path, tls_port: int) -> Response:
    if request.method not in ("GET", "HEAD"):
        return PlainTextResponse("only to be read", 405)
    asked = TOKEN.fullmatch(request.url.path)
    if asked:
        found = _read(webroot / PLACE / asked[1])
        return PlainTextResponse(found) if found is not None else PlainTextResponse("none", 404)
    host = HOST.fullmatch(request.headers.get("host", ""))
    if host is None:
        return PlainTextResponse("no host", 400)
    port = "" if tls_port == 443 else f":{tls_port}"
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"https://{host[1]}{port}{request.url.path}{query}", 308)


def _read(path: Path) -> bytes | None:
    """Read a file that stands there itself; a link may lead anywhere."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as stream:
            return stream.read(MOST_BYTES)
    except OSError:
        return None
