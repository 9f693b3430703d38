"""The tables of `store` and `bindings`, as SQLAlchemy sees them; migrations/ makes them.

::

    meeting 1 --- n call        a meeting is a room's occupation, first join to last leave

Times are seconds since 1970, UTC.  An open row has no end yet.
"""

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, Integer, MetaData, Table, Text

metadata = MetaData()

meetings = Table(
    "meetings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("room", Text, nullable=False),
    Column("started_at", Float, nullable=False),
    Column("ended_at", Float),
)

calls = Table(
    "calls",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("meeting_id", Integer, ForeignKey("meetings.id"), nullable=False),
    Column("room", Text, nullable=False),
    Column("member", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("protocol", Text, nullable=False),
    Column("direction", Text, nullable=False),
    Column("caller", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("joined_at", Float, nullable=False),
    Column("last_seen_at", Float, nullable=False),
    Column("left_at", Float),
    Column("cause", Text),
    Column("status", Integer, nullable=False),
    Column("status_text", Text, nullable=False),
    Column("received_bytes", Integer, nullable=False),
    Column("sent_bytes", Integer, nullable=False),
    Column("received_packets", Integer, nullable=False),
    Column("lost_packets", Integer, nullable=False),
    Index("calls_by_join", "joined_at"),
    Index("calls_by_meeting", "meeting_id"),
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
