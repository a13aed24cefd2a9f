"""Brings a ClickHouse to the schema in collector/schema: numbered, forward-only, recorded, safe to run at once."""
