"""The OpenTelemetry Collector on this machine: found or built, checked, and the command that starts it."""

from services.cli.collector.launch import command
from services.cli.collector.resolve import CollectorBinaryError, binary_path
from services.cli.collector.settings import CollectorSettings

__all__ = ["CollectorBinaryError", "CollectorSettings", "binary_path", "command"]
