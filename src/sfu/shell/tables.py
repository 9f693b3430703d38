"""The tables of the database, as SQLAlchemy sees them; migrations/ makes them.

::

    meeting 1 --- n call        a meeting is a room's occupation, first join to last leave
    account 1 --- n session     somebody who operates the server, and where he is logged in
    token, audit, outbox        programs' keys; who did what; what webhooks are still to be told

    alteration                  a room, unit, site or line that is not as the file has it
    booking 1 --- n given_up    a day that was cancelled (room ""), a room that was freed on a day

Times are seconds since 1970, UTC.  An open row has no end yet.  Of passwords, sessions and tokens
only hashes are kept.  A column that tells of a person is a `PERSON`, and its table says by which
column rows age: `forget` goes by that.
"""

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, Integer, MetaData, Table
from sqlalchemy import Text as AnyText
from sqlalchemy.types import TypeDecorator

metadata = MetaData()


class Text(TypeDecorator[str]):
    """Text as both databases take it: PostgreSQL refuses NUL and both refuse half characters.

    Who writes such a thing, or asks for it, is a stranger with a program; he gets "?" in its
    place, and no fault of the server.
    """

    impl = AnyText
    cache_ok = True
    python_type = str

    def process_bind_param(self, value: str | None, dialect: object) -> str | None:
        """Make it storable."""
        if value is None or (value.isascii() and "\0" not in value):
            return value
        return value.encode(errors="replace").decode().replace("\0", "?")


Counter = Integer().with_variant(BigInteger, "postgresql")
"""64 bits: SQLite's INTEGER has them, PostgreSQL's has not."""

PERSON = {"person": True}

meetings = Table(
    "meetings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("room", Text, nullable=False),
    Column("organisation", Text, nullable=False, server_default=""),
    Column("started_at", Float, nullable=False),
    Column("ended_at", Float),
    Index("meetings_by_start", "started_at"),
)

calls = Table(
    "calls",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("meeting_id", Integer, ForeignKey("meetings.id"), nullable=False),
    Column("room", Text, nullable=False),
    Column("member", Text, nullable=False),
    Column("name", Text, nullable=False, info=PERSON),
    Column("protocol", Text, nullable=False),
    Column("direction", Text, nullable=False),
    Column("caller", Text, nullable=False, info=PERSON),
    Column("model", Text, nullable=False),
    Column("site", Text, nullable=False, server_default=""),
    Column("joined_at", Float, nullable=False),
    Column("last_seen_at", Float, nullable=False),
    Column("left_at", Float),
    Column("cause", Text),
    Column("status", Integer, nullable=False),
    Column("status_text", Text, nullable=False),
    Column("received_bytes", Counter, nullable=False),
    Column("sent_bytes", Counter, nullable=False),
    Column("received_packets", Counter, nullable=False),
    Column("lost_packets", Counter, nullable=False),
    Index("calls_by_join", "joined_at"),
    Index("calls_by_meeting", "meeting_id"),
    info={"time": "joined_at"},
)

bindings = Table(
    "bindings",
    metadata,
    Column("account", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("contact", Text, nullable=False),
    Column("carrier", Text, nullable=False),
    Column("local_host", Text, nullable=False),
    Column("local_port", Integer, nullable=False),
    Column("remote_host", Text, nullable=False),
    Column("remote_port", Integer, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("call_id", Text, nullable=False),
    Column("cseq", BigInteger, nullable=False),
    Column("model", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("home", Text, nullable=False),
    Column("temporary", Text, nullable=False),
    Column("path", Text, nullable=False, server_default=""),
)

accounts = Table(
    "accounts",
    metadata,
    Column("name", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("password", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("seen_at", Float),
)

sessions = Table(
    "sessions",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("account", Text, ForeignKey("accounts.name", ondelete="CASCADE"), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
    Index("sessions_by_account", "account"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Text, primary_key=True),
    Column("hash", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float),
    Column("used_at", Float),
    Index("tokens_by_hash", "hash", unique=True),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    Column("who", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("address", Text, nullable=False, info=PERSON),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Index("audit_by_time", "at"),
    info={"time": "at"},
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Text, primary_key=True),
    Column("webhook", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", Float, nullable=False),
    Index("outbox_by_next", "next_at"),
)

PASSING = frozenset({"sessions", "outbox"})
"""What a restored backup does not bring back: logins, and words to webhooks said long ago."""

bookings = Table(
    "bookings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("uid", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("organisation", Text, nullable=False),
    Column("organiser", Text, nullable=False, info=PERSON),
    Column("rooms", Text, nullable=False),
    Column("starts", Text, nullable=False),
    Column("minutes", Integer, nullable=False),
    Column("zone", Text, nullable=False),
    Column("weekly_until", Text),
    Column("created_at", Float, nullable=False),
    Column("cancelled_at", Float),
    info={"time": "created_at"},
)

given_up = Table(
    "given_up",
    metadata,
    Column("booking_id", Integer, ForeignKey("bookings.id"), primary_key=True),
    Column("day", Text, primary_key=True),
    Column("room", Text, primary_key=True),
    Column("at", Float, nullable=False),
)

alterations = Table(
    "alterations",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("body", Text, nullable=False),
    Column("at", Float, nullable=False),
)
