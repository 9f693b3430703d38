"""Call records and meetings."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "meetings",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("room", sa.Text, nullable=False),
        sa.Column("started_at", sa.Float, nullable=False),
        sa.Column("ended_at", sa.Float),
    )
    op.create_table(
        "calls",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("meeting_id", sa.Integer, sa.ForeignKey("meetings.id"), nullable=False),
        sa.Column("room", sa.Text, nullable=False),
        sa.Column("member", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("protocol", sa.Text, nullable=False),
        sa.Column("direction", sa.Text, nullable=False),
        sa.Column("caller", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("joined_at", sa.Float, nullable=False),
        sa.Column("last_seen_at", sa.Float, nullable=False),
        sa.Column("left_at", sa.Float),
        sa.Column("cause", sa.Text),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("status_text", sa.Text, nullable=False),
        sa.Column("received_bytes", sa.Integer, nullable=False),
        sa.Column("sent_bytes", sa.Integer, nullable=False),
        sa.Column("received_packets", sa.Integer, nullable=False),
        sa.Column("lost_packets", sa.Integer, nullable=False),
    )
    op.create_index("calls_by_join", "calls", ["joined_at"])
    op.create_index("calls_by_meeting", "calls", ["meeting_id"])


def downgrade() -> None:
    op.drop_table("calls")
    op.drop_table("meetings")
