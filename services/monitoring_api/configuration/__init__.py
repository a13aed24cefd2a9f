"""YAML files that people write, read strictly: every error with its file, line and field."""
