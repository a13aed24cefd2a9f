"""What an alert's last look rested on, and where its message leads."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_COLUMNS = {
    "health": sa.String(16),
    "failing_since": sa.Double(),
    "metric": sa.String(200),
    "condition": sa.Text(),
    "runbook": sa.Text(),
    "url": sa.Text(),
    "trace_ids": sa.Text(),
}


def upgrade() -> None:
    """Add the columns; a store that was made from the tables alone has them."""
    there = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("alerts")}
    for name, kind in _COLUMNS.items():
        if name not in there:
            op.add_column("alerts", sa.Column(name, kind))
