"""Run the revisions on the connection, and inside the transaction, that the caller opened."""

from alembic import context

from blocks.registry.tables import metadata

# SQLite cannot alter most of a table in place: batch mode copies it.
context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
