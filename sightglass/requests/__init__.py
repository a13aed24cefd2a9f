"""A request's span and metrics: the hot path of a service."""
