"""The prediction service: whether a flight from New York arrives 15 or more minutes late."""
