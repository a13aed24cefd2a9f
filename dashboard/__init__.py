"""The dashboard: pages that ask the monitoring API and draw what it answers."""
