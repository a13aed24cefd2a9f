"""The alert worker's process: looks at rules, keeps their states, delivers notifications."""
