class LabError(Exception):
    """The lab cannot do what it was asked; the text is a sentence for the person who asked."""
