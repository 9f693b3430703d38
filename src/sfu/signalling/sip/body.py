"""Finding the session description in a body (RFC 3261 section 7.4, RFC 5621).

Units wrap SDP into multipart/mixed beside call-info of their own: we take application/sdp and
ignore the rest.
"""

import re

from sfu.errors import PeerError
from sfu.signalling.sip.message import Message
from sfu.signalling.sip.text import param, parse_params

SDP = "application/sdp"
MAX_PARTS = 16


def content_type(message: Message) -> str:
    """Return the media type in lower case, without parameters; "" where none is told."""
    return (message.get("Content-Type") or "").partition(";")[0].strip().lower()


def session_description(message: Message) -> bytes | None:
    """Return the SDP of a message, None where it has none; 415 for another kind of body."""
    if not message.body.strip():
        return None
    if (message.get("Content-Encoding") or "identity").lower() != "identity":
        raise PeerError("encoded body", status=415)
    kind = content_type(message)
    if kind == SDP or (not kind and message.body.lstrip().startswith(b"v=0")):
        return message.body
    if kind.startswith("multipart/"):
        return _from_multipart(message)
    raise PeerError("body is no session description", status=415)


def _from_multipart(message: Message) -> bytes | None:
    _, _, params = (message.get("Content-Type") or "").partition(";")
    boundary = (param(parse_params(params), "boundary") or "").encode("utf-8", "surrogateescape")
    if not 1 <= len(boundary) <= 70:
        raise PeerError("multipart without boundary")
    pieces = re.split(rb"(?:^|\r?\n)--" + re.escape(boundary), message.body, maxsplit=MAX_PARTS)
    for piece in pieces[1:]:
        head, body = _split_part(piece)
        if re.search(rb"(?im)^(content-type|c)[ \t]*:[ \t]*application/sdp\b", head):
            return body
    return None


def _split_part(piece: bytes) -> tuple[bytes, bytes]:
    end = re.search(rb"\n\r?\n", piece)
    return (piece, b"") if end is None else (piece[: end.start()], piece[end.end() :])
