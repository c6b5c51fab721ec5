"""Small grammar for sentences that hold counts and names."""

from collections.abc import Sequence

from changes.domain.policy import Role


def counted(number: int, noun: str) -> str:
    """``1 device``, ``12 devices``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def either(names: Sequence[str]) -> str:
    """``ana``, ``ana or amir``, ``ana, amir or pete``."""
    return _joined(names, "or")


def both(names: Sequence[str]) -> str:
    """``ana``, ``ana and amir``, ``ana, amir and pete``."""
    return _joined(names, "and")


def _joined(names: Sequence[str], word: str) -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {word} {names[-1]}"


def group_label(name: str) -> str:
    """A group or an approval stage as people know it: ``cab`` reads "CAB"."""
    return Role(name).label if name in set(Role) else name.replace("-", " ").capitalize()


def few(names: Sequence[str], limit: int = 8) -> str:
    """The first names, and how many more there are."""
    if len(names) <= limit:
        return both(names)
    return f"{', '.join(names[:limit])} and {len(names) - limit} more"
