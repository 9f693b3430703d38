"""What operators may send: the bodies of HTTP requests."""

from datetime import date
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
)

from sfu.config.overlay import HouseKind
from sfu.config.section import Bps, Priority
from sfu.model import Role
from sfu.room.layout import Layout

NewPassword = Annotated[str, StringConstraints(min_length=12, max_length=256)]


EARLIEST, LATEST = date(1970, 1, 2), date(9000, 1, 1)
"""Days our reckoning knows."""


def in_reach(day: date) -> date:
    """Let a day pass; ValueError for one no clock of ours knows."""
    if not EARLIEST <= day <= LATEST:
        raise ValueError("no day of ours")
    return day


Day = Annotated[date, AfterValidator(in_reach)]


class DialRequest(BaseModel):
    """Whom to call into which room."""

    model_config = ConfigDict(extra="forbid")

    target: Annotated[str, StringConstraints(min_length=1, max_length=256, strip_whitespace=True)]
    """A number or user name known to the server, or a SIP URI."""
    room: Annotated[str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True)]


class TryRequest(BaseModel):
    """Which room to try."""

    model_config = ConfigDict(extra="forbid")

    target: Annotated[str, StringConstraints(min_length=1, max_length=256, strip_whitespace=True)]
    """A number or user name known to the server, or an address."""


class TransferRequest(BaseModel):
    """Where a room codec shall go on."""

    model_config = ConfigDict(extra="forbid")

    target: Annotated[str, StringConstraints(min_length=1, max_length=256, strip_whitespace=True)]
    """A room of this server, a number or user name known to it, or a SIP URI."""


class MemberChange(BaseModel):
    """What shall be another about a member; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    muted: bool = False
    priority: Priority | None = None
    """Of what it is shown; null for this and the next two: as configured."""
    picture_floor_bps: Bps | None = None
    picture_max_bps: Bps | None = None


class MeetingChange(BaseModel):
    """What shall be another about a meeting; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    layout: Layout = Layout.SPEAKER
    """Whom room codecs are shown: who speaks, or each in turn."""
    pinned: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None
    """A member shown before all others; null: nobody."""
    locked: bool = False
    """Have everybody wait who comes from now on."""


class LoginRequest(BaseModel):
    """Who logs in."""

    model_config = ConfigDict(extra="forbid")

    account: Annotated[str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True)]
    password: Annotated[str, StringConstraints(min_length=1, max_length=256)] = Field(repr=False)


class PasswordRequest(BaseModel):
    """Another password for oneself."""

    model_config = ConfigDict(extra="forbid")

    old: Annotated[str, StringConstraints(min_length=1, max_length=256)] = Field(repr=False)
    new: NewPassword = Field(repr=False)


class AccountRequest(BaseModel):
    """Somebody who shall operate the server."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True)]
    role: Role
    password: NewPassword | None = Field(default=None, repr=False)
    """Left out: one is made, and told in the answer."""


class AccountChange(BaseModel):
    """What shall be another; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    role: Role | None = None
    password: NewPassword | None = Field(default=None, repr=False)


class TokenRequest(BaseModel):
    """A program that shall use the API."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True)]
    role: Role
    days: Annotated[int, Field(ge=1, le=3650)] | None = None
    """How long it is good; left out: until it is revoked."""


class RestoreRequest(BaseModel):
    """A backup that lies in the data directory."""

    model_config = ConfigDict(extra="forbid")

    file: Annotated[str, StringConstraints(pattern=r"^restore-[0-9a-f]{8,32}\.sqlite3$")]


class DrainRequest(BaseModel):
    """How to go down."""

    model_config = ConfigDict(extra="forbid")

    within_s: Annotated[float, Field(ge=0, le=86_400)] = 3600.0
    """After so long it ends whoever is there."""


class InvitationRequest(BaseModel):
    """Which room guests shall come into, and how long."""

    model_config = ConfigDict(extra="forbid")

    room: Annotated[str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True)]
    hours: Annotated[float, Field(gt=0, le=8784)] = 24
    moderator: bool = False
    """Whether who comes by it may admit, mute, remove and lock."""


class InvitationView(BaseModel):
    """A link for guests."""

    room: str
    link: str
    """Whoever has it comes in."""
    expires_at: str


class HouseItem(BaseModel):
    """A room, unit, site or line."""

    kind: HouseKind
    key: str
    """By which it is known: a number, a name."""
    values: dict[str, JsonValue]
    """As the settings file would have it; a room's PIN is not told."""
    secrets: tuple[str, ...] = ()
    """What is set and not told: `pin`, `moderator_pin`."""
    of_file: bool
    """The settings file has one of this key."""
    altered: bool
    """What holds was said by the console, not by the file."""
    fault: str = ""
    """Why what the console said does not hold: the file is another now."""


class SessionView(BaseModel):
    """Who you are here."""

    account: str
    """Empty: known by network place alone."""
    role: Role
    how: str
    """session, token, control, or place: loopback, a network or an account of [dial_out]."""
    expires_at: str | None = None
    """ISO 8601; of a session just opened."""


class WaysView(BaseModel):
    """How one may log in, besides an account and its password."""

    oidc: bool
    """By the page of who vouches for people: `[oidc]`."""


class AccountView(BaseModel):
    """Somebody who operates the server."""

    name: str
    role: Role
    created_at: str
    seen_at: str | None
    """When he logged in last."""


class NewAccount(AccountView):
    """An account just made, or given a password that was made."""

    password: str | None = None
    """Told this once, where we made it."""


class TokenView(BaseModel):
    """A program's key, without its secret."""

    id: str
    name: str
    role: Role
    made_by: str
    created_at: str
    expires_at: str | None
    used_at: str | None


class NewToken(TokenView):
    """A token just made."""

    secret: str
    """Told this once: "Authorization: Bearer SECRET"."""


class AuditView(BaseModel):
    """What somebody did, or tried to."""

    id: int
    at: str
    who: str
    role: str
    address: str
    action: str
    target: str
    detail: str
    status: int


class Restored(BaseModel):
    """What a backup brought."""

    rows: int


class Readiness(BaseModel):
    """Whether calls can be taken now, and if not, why."""

    ready: bool
    reasons: list[str]
