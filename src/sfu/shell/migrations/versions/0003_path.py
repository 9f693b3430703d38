"""By which proxies registered units are reached."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("bindings", sa.Column("path", sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("bindings", "path")
