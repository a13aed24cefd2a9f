"""Starts the processes in order, keeps them running, stops them so that telemetry drains, leaves no orphans."""
