"""Realised performance: how predictions did against the labels that came, computed where the rows lie."""
