"""What operators may send: the bodies of HTTP requests."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints


class DialRequest(BaseModel):
    """Whom to call into which room."""

    model_config = ConfigDict(extra="forbid")

    target: Annotated[str, StringConstraints(min_length=1, max_length=256, strip_whitespace=True)]
    """A number or user name known to the server, or a SIP URI."""
    room: Annotated[str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True)]


class TransferRequest(BaseModel):
    """Where a room codec shall go on."""

    model_config = ConfigDict(extra="forbid")

    target: Annotated[str, StringConstraints(min_length=1, max_length=256, strip_whitespace=True)]
    """A room of this server, a number or user name known to it, or a SIP URI."""


class Readiness(BaseModel):
    """Whether calls can be taken now, and if not, why."""

    ready: bool
    reasons: list[str]
