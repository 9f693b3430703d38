"""What every HTTP answer says of itself, and how much of a request is read.

The page runs scripts and styles of this server only, in no frame, and speaks to this server
only.  No Strict-Transport-Security: the certificate made at first start is nobody's, and a
browser that was told so could not be talked past it.
"""

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_MAX = 65_536
_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]{1,255}")

_FIXED = {
    "permissions-policy": "camera=(self), microphone=(self), display-capture=(self), "
    "autoplay=(self), fullscreen=(self), screen-wake-lock=(self), geolocation=(), payment=(), "
    "usb=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Guard:
    """ASGI middleware: headers on each answer, a cap on each body."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand before `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, watched."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        policy = content_security_policy(scope["scheme"], headers.get("host", ""))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                answer["content-security-policy"] = policy
                answer.update(_FIXED)
                answer.setdefault("cache-control", "no-store")
            await send(message)

        if _too_long(headers):
            refusal = PlainTextResponse("body too long, or of unknown length", 413)
            await refusal(scope, receive, send_with_headers)
            return
        await self._app(scope, receive, send_with_headers)


def content_security_policy(scheme: str, host: str) -> str:
    """Allow what our page needs; older Safari does not count wss: as 'self', so it is named."""
    socket = ""
    if _HOST.fullmatch(host):
        socket = f" {'wss' if scheme == 'https' else 'ws'}://{host}"
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        f"media-src 'self' blob:; connect-src 'self'{socket}; manifest-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _too_long(headers: Headers) -> bool:
    """Judge by what the request says: the server holds it to its Content-Length."""
    if "transfer-encoding" in headers:
        return True
    length = headers.get("content-length", "0")
    return not (length.isascii() and length.isdigit()) or int(length[:12]) > BODY_MAX
