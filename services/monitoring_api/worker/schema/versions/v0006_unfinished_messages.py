"""What is unfinished in a group is found without its history."""

from alembic import op

revision = "0006"
down_revision = "0005"

_NAME = "notifications_by_group"
_COLUMNS = ["channel", "group_key", "delivered_at", "abandoned_at", "id"]


def upgrade() -> None:
    """Make the index anew, with more columns."""
    op.drop_index(_NAME, "notifications")
    op.create_index(_NAME, "notifications", _COLUMNS)
