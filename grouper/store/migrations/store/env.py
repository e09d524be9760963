"""Run by Alembic for each call of :func:`grouper.store.migrate.upgrade`."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"], version_table="store_revision"
)
context.run_migrations()
