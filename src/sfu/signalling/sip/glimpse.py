r"""A look at a message before it is parsed: enough to say whom it concerns, at a tenth of the cost.

What is seen here decides only which limit counts a message, never what it means: a message that
hides its Call-ID from these patterns is counted as a stranger's, no more.
"""

import re
from dataclasses import dataclass

HEAD = 16_384
"""So far into a message the few lines are looked for."""
_CALL_ID = re.compile(rb"(?im)^(?:call-id|i)[ \t]*:[ \t]*([^\s]{1,256})")
_TAGS = re.compile(
    rb"(?im)^(?:to|t|from|f)[ \t]*:[^\r\n]{0,1024}?;[ \t]*tag[ \t]*=[ \t]*([^\s;,>]{1,128})"
)
_CSEQ = re.compile(rb"(?im)^cseq[ \t]*:[ \t]*[0-9]+[ \t]+([A-Za-z]{1,32})")
_BRANCH = re.compile(
    rb"(?im)^(?:via|v)[ \t]*:[^\r\n,]{0,1024}?;[ \t]*branch[ \t]*=[ \t]*([^\s;,]{1,256})"
)
_USER = re.compile(
    rb"(?im)^(?:proxy-)?authorization[ \t]*:[^\r\n]{0,2048}?"
    rb"username[ \t]*=[ \t]*\"([^\"\r\n]{0,256})\""
)


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What of a message can be seen in passing; "" where it cannot."""

    call_id: str
    tags: tuple[str, ...]
    """Of From and To, in the order they stand."""
    branch: str
    """Of the topmost Via."""
    method: str
    """Of the CSeq."""


def glimpse(data: bytes) -> Glimpse:
    """Look at a message."""
    head = data[:HEAD]
    tags = tuple(_text(tag) for tag in _TAGS.findall(head)[:2])
    return Glimpse(_first(_CALL_ID, head), tags, _first(_BRANCH, head), _first(_CSEQ, head))


def is_response(data: bytes) -> bool:
    """Tell whether it answers something."""
    return data[:8].upper() == b"SIP/2.0 "


def is_invite(data: bytes) -> bool:
    """Tell whether it asks for a call."""
    return data[:7] == b"INVITE "


def user_of(data: bytes) -> str:
    """Return whose password is in it, "" for nobody's."""
    return _first(_USER, data[:HEAD])


def _first(pattern: re.Pattern[bytes], head: bytes) -> str:
    found = pattern.search(head)
    return _text(found[1]) if found else ""


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
