"""The rules that are in force, for whoever asks."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the table; the worker fills it when it takes its rules."""
    op.create_table(
        "alert_rules",
        sa.Column("group_name", sa.String(200), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("interval_seconds", sa.Double, nullable=False),
        sa.Column("delay_seconds", sa.Double, nullable=False),
        sa.Column("definition", sa.Text, nullable=False),
        sa.Column("since", sa.Double, nullable=False),
    )
