"""The alert store's tables, brought forward by Alembic: `versions/` holds one file for each step, forward only.

What the code means by a table is written where it is used (`alerting.store`, `notify.tables`, ...); a version says how
an older store gets there. A test compares the two on SQLite and PostgreSQL, so that neither is forgotten.
"""
