"""Several workers on one store: who holds the lease, and what each of them is."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the lease's table, and tell workers apart."""
    op.create_table(
        "worker_lease",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("holder", sa.String(128), nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
    )
    op.add_column("alert_workers", sa.Column("leads", sa.Boolean, nullable=False, server_default=sa.false()))
