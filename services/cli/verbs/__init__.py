"""The verbs that run and inspect the processes."""
