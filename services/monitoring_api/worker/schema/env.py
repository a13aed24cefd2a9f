"""What Alembic runs: the versions, in the transaction of whoever asks for them."""

from alembic import context

from services.monitoring_api.worker.schema.upgrade import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
with context.begin_transaction():
    context.run_migrations()
