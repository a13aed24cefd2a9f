"""Groups of alerts, what each channel was told of them, silences and acknowledgements; an outbox in groups' order."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables. What waits in the outbox stays: each alert was a group of its own."""
    op.drop_index("notifications_by_alert", "notifications")
    with op.batch_alter_table("notifications", table_kwargs={"sqlite_autoincrement": True}) as notifications:
        notifications.alter_column(
            "fingerprint", new_column_name="group_key", existing_type=sa.String(16), type_=sa.String(300)
        )
        for name, kind in (
            ("begun_at", sa.Double()),
            ("resent_at", sa.Double()),
            ("folded_into", _SERIAL),
        ):
            notifications.add_column(sa.Column(name, kind))
    op.create_index("notifications_by_group", "notifications", ["channel", "group_key", "id"])
    op.create_index("notifications_folded", "notifications", ["folded_into"])
    op.create_table(
        "notification_alerts",
        sa.Column("notification_id", _SERIAL, primary_key=True, autoincrement=False),
        sa.Column("fingerprint", sa.String(16), primary_key=True),
    )
    op.create_index("notification_alerts_by_alert", "notification_alerts", ["fingerprint", "notification_id"])
    _groups()
    op.create_table(
        "silences",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("matchers", sa.Text, nullable=False),
        sa.Column("starts_at", sa.Double, nullable=False),
        sa.Column("ends_at", sa.Double, nullable=False, index=True),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("comment", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("ended_by", sa.Text),
    )
    op.create_table(
        "acknowledgements",
        sa.Column("incident", sa.String(64), primary_key=True),
        sa.Column("fingerprint", sa.String(16), nullable=False, index=True),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("comment", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
    )


def _groups() -> None:
    op.create_table(
        "notification_groups",
        sa.Column("id", _SERIAL, primary_key=True, autoincrement=True),
        sa.Column("channel", sa.String(100), nullable=False),
        sa.Column("group_key", sa.String(300), nullable=False),
        sa.Column("group_labels", sa.Text, nullable=False),
        sa.Column("incident", sa.String(64), nullable=False),
        sa.Column("wait_seconds", sa.Double, nullable=False),
        sa.Column("interval_seconds", sa.Double, nullable=False),
        sa.Column("repeat_seconds", sa.Double, nullable=False),
        sa.Column("told_at", sa.Double),
        sa.Column("messages", sa.Integer, nullable=False),
        sa.Column("due_at", sa.Double),
        sa.Column("set_at", sa.Double, nullable=False),
        sa.UniqueConstraint("channel", "group_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("notification_groups_due", "notification_groups", ["due_at"])
    op.create_table(
        "notification_members",
        sa.Column("group_id", _SERIAL, primary_key=True, autoincrement=False),
        sa.Column("incident", sa.String(64), primary_key=True),
        sa.Column("fingerprint", sa.String(16), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("joined_at", sa.Double, nullable=False),
        sa.Column("told", sa.String(16)),
        sa.Column("routed", sa.Boolean, nullable=False),
        sa.Column("muted_by", sa.Text),
        sa.Column("part", sa.Text, nullable=False),
    )
    op.create_index("notification_members_by_alert", "notification_members", ["fingerprint"])
