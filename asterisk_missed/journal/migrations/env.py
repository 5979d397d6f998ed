"""Alembic runs the migrations on the connection that `Database.upgrade` hands over."""

from alembic import context

from asterisk_missed.journal.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
