"""HTTP requests of our own: to webhooks, and to who vouches for people (OpenID Connect).

Blocking, for a thread.  Goes where it is told and no further: a redirection is an answer like any
other, and only http and https are spoken, so that nobody leads us to a file or to another host.
"""

from collections.abc import Mapping
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
)

ANSWER_WITHIN_S = 10.0
ANSWER_BYTES = 1_000_000


class _Straight(HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def ask(
    url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> tuple[int, bytes]:
    """Post a body, or get where there is none; give status and answer.

    Raises OSError where no answer of HTTP comes, ValueError where the address cannot be.
    """
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"{url!r} is no address of the web")
    request = Request(url, body, dict(headers or {}), method="GET" if body is None else "POST")
    try:
        return _read(request)
    except HTTPException as error:  # it speaks something else, or breaks off
        raise OSError(f"no answer of HTTP: {type(error).__name__}") from error


def _read(request: Request) -> tuple[int, bytes]:
    try:
        with _opener().open(request, timeout=ANSWER_WITHIN_S) as answer:
            return int(answer.status), answer.read(ANSWER_BYTES)
    except HTTPError as error:
        with error:
            return error.code, error.read(ANSWER_BYTES)


def _opener() -> OpenerDirector:
    opener = OpenerDirector()
    for handler in (
        ProxyHandler(), HTTPHandler(), HTTPSHandler(), _Straight(), HTTPDefaultErrorHandler(),
        HTTPErrorProcessor(),
    ):  # fmt: skip
        opener.add_handler(handler)
    return opener
