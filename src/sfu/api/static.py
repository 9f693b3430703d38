"""The page's files, read once at start: what is not among them cannot be asked for."""

import gzip
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "json": "application/json",
    "png": "image/png",
}


@dataclass(frozen=True, slots=True)
class Page:
    """One file, plain and packed, with its validator (RFC 9110 section 8.8.3)."""

    body: bytes
    packed: bytes
    content_type: str
    etag: str

    def answer(self, request: Request) -> Response:
        """Answer with the shorter form the browser takes, or 304 where it has it already."""
        headers = {"etag": self.etag, "cache-control": "no-cache", "vary": "accept-encoding"}
        if request.headers.get("if-none-match") == self.etag:
            return Response(status_code=304, headers=headers)
        body = self.body
        if "gzip" in request.headers.get("accept-encoding", ""):
            body, headers["content-encoding"] = self.packed, "gzip"
        return Response(body, media_type=self.content_type, headers=headers)


@cache  # for each listener
def read_pages() -> dict[str, Page]:
    """Return path -> file of everything in sfu/web; pages stand without their ".html" too."""
    pages = {
        f"/{entry.name}": _read(entry)
        for entry in files("sfu").joinpath("web").iterdir()
        if entry.is_file() and entry.name.rpartition(".")[2] in TYPES
    }
    pages["/"] = pages["/index.html"]
    for name in ("/report", "/console", "/bookings"):
        pages[name] = pages[f"{name}.html"]
    return pages


def page_routes() -> list[Route]:
    """Make a route for each file; FastAPI's own would look into each for what it may be asked."""
    return [Route(path, page.answer, methods=["GET"]) for path, page in read_pages().items()]


def _read(entry: Traversable) -> Page:
    body = entry.read_bytes()
    return Page(
        body=body,
        packed=gzip.compress(body, mtime=0),
        content_type=TYPES[entry.name.rpartition(".")[2]],
        etag=f'"{sha256(body).hexdigest()[:24]}"',
    )
