"""The maintenance process: keeps the rollups equal to the deduplicated raw rows."""
