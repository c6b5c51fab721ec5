from enum import StrEnum


class Labelled(StrEnum):
    """A string enum whose members know how people read them; the stored value is the machine's name."""

    @property
    def label(self) -> str:
        """The member as shown on a page: ``rolling_back`` reads "Rolling back"."""
        return self.value.replace("_", " ").replace("-", " ").capitalize()

    @classmethod
    def choices(cls) -> list[tuple[str, str]]:
        """Pairs of stored value and label, as a model or form field wants them."""
        return [(member.value, member.label) for member in cls]
