"""How does Alembic reach the database? Through the connection that sequencer.store.migrate hands over."""

from alembic import context

from sequencer.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
