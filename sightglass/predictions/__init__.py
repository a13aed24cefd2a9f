"""Predictions, labels and calls of a model: what is recorded of them."""
