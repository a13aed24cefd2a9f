"""Notifications: who is told, the durable outbox, and the channels."""
