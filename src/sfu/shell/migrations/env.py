"""Run by alembic: the connection comes from `store`, which waits for it."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
