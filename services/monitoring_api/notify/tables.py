"""The tables of notifying, the same on SQLite and PostgreSQL; they lie in the alert worker's store."""

import sqlalchemy as sa

metadata = sa.MetaData()

# An identity column that is 64 bits wide where the database has such a thing.
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# The outbox: one row per message and channel.
notifications = sa.Table(
    "notifications",
    metadata,
    sa.Column("id", SERIAL, primary_key=True, autoincrement=True),
    sa.Column("channel", sa.String(100), nullable=False),
    sa.Column("group_key", sa.String(300), nullable=False),
    sa.Column("incident", sa.String(64), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("reason", sa.String(16), nullable=False),
    sa.Column("idempotency_key", sa.String(64), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("next_attempt_at", sa.Double, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    # An attempt was begun: its receiver may have the message, whatever is known about the outcome.
    sa.Column("begun_at", sa.Double),
    sa.Column("delivered_at", sa.Double),
    sa.Column("abandoned_at", sa.Double),
    # Somebody asked for a message that was given up to be sent after all.
    sa.Column("resent_at", sa.Double),
    # The digest that says it instead.
    sa.Column("folded_into", SERIAL),
    sa.Column("detail", sa.Text),
    sa.UniqueConstraint("channel", "idempotency_key"),
    # Has a group anything unfinished? That is asked for each message and each decision, whatever the history holds.
    sa.Index("notifications_by_group", "channel", "group_key", "delivered_at", "abandoned_at", "id"),
    sa.Index("notifications_waiting", "channel", "delivered_at", "abandoned_at", "next_attempt_at"),
    sa.Index("notifications_folded", "folded_into"),
    # An id is never used twice, also after the newest rows were deleted: order is by id.
    sqlite_autoincrement=True,
)

# Which alerts a message is about.
notification_alerts = sa.Table(
    "notification_alerts",
    metadata,
    sa.Column("notification_id", SERIAL, primary_key=True, autoincrement=False),
    sa.Column("fingerprint", sa.String(16), primary_key=True),
    sa.Index("notification_alerts_by_alert", "fingerprint", "notification_id"),
)

# One row per channel and group while any of its alerts has something left to be told.
groups = sa.Table(
    "notification_groups",
    metadata,
    sa.Column("id", SERIAL, primary_key=True, autoincrement=True),
    sa.Column("channel", sa.String(100), nullable=False),
    sa.Column("group_key", sa.String(300), nullable=False),
    sa.Column("group_labels", sa.Text, nullable=False),
    sa.Column("incident", sa.String(64), nullable=False),
    sa.Column("wait_seconds", sa.Double, nullable=False),
    sa.Column("interval_seconds", sa.Double, nullable=False),
    sa.Column("repeat_seconds", sa.Double, nullable=False),
    sa.Column("told_at", sa.Double),
    sa.Column("messages", sa.Integer, nullable=False),
    # When to decide about it, and when that was said; no due time: only a change matters.
    sa.Column("due_at", sa.Double),
    sa.Column("set_at", sa.Double, nullable=False),
    sa.UniqueConstraint("channel", "group_key"),
    sa.Index("notification_groups_due", "due_at"),
    sqlite_autoincrement=True,
)

# The firings in a group, and what its channel was told of each.
members = sa.Table(
    "notification_members",
    metadata,
    sa.Column("group_id", SERIAL, primary_key=True, autoincrement=False),
    sa.Column("incident", sa.String(64), primary_key=True),
    sa.Column("fingerprint", sa.String(16), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("joined_at", sa.Double, nullable=False),
    sa.Column("told", sa.String(16)),
    sa.Column("routed", sa.Boolean, nullable=False),
    # Why it was held back when it was last decided about.
    sa.Column("muted_by", sa.Text),
    sa.Column("part", sa.Text, nullable=False),
    sa.Index("notification_members_by_alert", "fingerprint"),
)

silences = sa.Table(
    "silences",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("matchers", sa.Text, nullable=False),
    sa.Column("starts_at", sa.Double, nullable=False),
    sa.Column("ends_at", sa.Double, nullable=False, index=True),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("comment", sa.Text, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("ended_by", sa.Text),
)

acknowledgements = sa.Table(
    "acknowledgements",
    metadata,
    sa.Column("incident", sa.String(64), primary_key=True),
    sa.Column("fingerprint", sa.String(16), nullable=False, index=True),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("comment", sa.Text, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
)
