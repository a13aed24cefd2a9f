"""What both APIs share at their HTTP edge: problem documents, limits, the base application, the server."""
