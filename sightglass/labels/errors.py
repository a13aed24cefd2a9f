"""What can keep a file of labels from being loaded, as a sentence for a person."""


class LabelsError(Exception):
    """What happened, what it means and what to do next."""


class BadRowError(Exception):
    """Why one row is no label; whoever reads the file knows which row it is."""


class NotDeliveredError(LabelsError):
    """The receiver accepted nothing for as long as was to be waited."""
