"""How much a finding about a device weighs, and when it stops the work."""

from enum import StrEnum


class Severity(StrEnum):
    """From what always stops a device to what is only written down."""

    CRITICAL = "critical"
    """Stops planning and writing: perhaps another device answers."""
    MAJOR = "major"
    """Stops writing. A plan is still made, with a warning."""
    MINOR = "minor"
    """Stops nothing; it is recorded and shown."""

    @property
    def label(self) -> str:
        """The word on a page."""
        return self.value.capitalize()

    @property
    def rank(self) -> int:
        """Its place from below, counted from 0: a minor finding has 0."""
        return len(Severity) - 1 - tuple(Severity).index(self)
