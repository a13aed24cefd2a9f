"""History at any range: questions to our tables and to the exporter's own, side by side on the same rows."""
