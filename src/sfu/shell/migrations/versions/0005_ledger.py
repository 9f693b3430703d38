"""Where members were and who held a meeting: what the ledger is reckoned from."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("calls", sa.Column("site", sa.Text, nullable=False, server_default=""))
    op.add_column("meetings", sa.Column("organisation", sa.Text, nullable=False, server_default=""))
    op.create_index("meetings_by_start", "meetings", ["started_at"])


def downgrade() -> None:
    op.drop_index("meetings_by_start", "meetings")
    op.drop_column("meetings", "organisation")
    op.drop_column("calls", "site")
