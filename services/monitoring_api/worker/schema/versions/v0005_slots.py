"""The last slot in which each group of rules was looked at."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table; each group's first look writes to it."""
    op.create_table(
        "alert_slots",
        sa.Column("group_name", sa.String(200), primary_key=True),
        sa.Column("slot", sa.Double, nullable=False),
    )
