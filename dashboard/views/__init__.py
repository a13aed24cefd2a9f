"""The pages: read the state, ask, draw."""
