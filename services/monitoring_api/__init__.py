"""Answers questions about predictions, and raises the alarm: the HTTP API, the alert worker and maintenance."""
