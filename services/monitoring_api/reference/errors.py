"""What can keep a reference from being made."""


class UnusableFileError(Exception):
    """What is wrong with the file, where, and what to do about it."""
