"""Why the dashboard does not start, in words for the person who started it."""


class StartRefusedError(Exception):
    """A setting or a file that it names cannot be used; the text says which, and the remedy."""
