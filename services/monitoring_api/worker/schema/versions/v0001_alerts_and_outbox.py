"""The tables as they were before versions were kept: alerts, their history, workers, and the outbox."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "alerts",
        sa.Column("fingerprint", sa.String(16), primary_key=True),
        sa.Column("rule", sa.String(200), nullable=False),
        sa.Column("rule_key", sa.String(16), nullable=False, index=True),
        sa.Column("labels", sa.Text, nullable=False),
        sa.Column("annotations", sa.Text, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("cause", sa.String(16), nullable=False),
        sa.Column("active_since", sa.Double),
        sa.Column("quiet_since", sa.Double),
        sa.Column("unproven_seconds", sa.Double, nullable=False),
        sa.Column("seen_at", sa.Double),
        sa.Column("fired_at", sa.Double),
        sa.Column("resolved_at", sa.Double),
        sa.Column("last_evaluated_at", sa.Double),
        sa.Column("value", sa.Double),
        sa.Column("error", sa.Text),
    )
    op.create_table(
        "alert_events",
        sa.Column("id", _SERIAL, primary_key=True, autoincrement=True),
        sa.Column("fingerprint", sa.String(16), nullable=False),
        sa.Column("rule", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("value", sa.Double),
        sa.Column("cause", sa.String(16), nullable=False),
        sa.Column("error", sa.Text),
    )
    op.create_index("alert_events_by_alert", "alert_events", ["fingerprint", "id"])
    op.create_table(
        "alert_workers",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("heartbeat_at", sa.Double, nullable=False),
        sa.Column("last_evaluation_at", sa.Double),
        sa.Column("error", sa.Text),
    )
    op.create_table(
        "notifications",
        sa.Column("id", _SERIAL, primary_key=True, autoincrement=True),
        sa.Column("channel", sa.String(100), nullable=False),
        sa.Column("fingerprint", sa.String(16), nullable=False),
        sa.Column("incident", sa.String(64), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(16), nullable=False),
        sa.Column("idempotency_key", sa.String(64), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("next_attempt_at", sa.Double, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("delivered_at", sa.Double),
        sa.Column("abandoned_at", sa.Double),
        sa.Column("detail", sa.Text),
        sa.UniqueConstraint("channel", "idempotency_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("notifications_by_alert", "notifications", ["fingerprint", "channel", "id"])
    op.create_index(
        "notifications_waiting", "notifications", ["channel", "delivered_at", "abandoned_at", "next_attempt_at"]
    )
