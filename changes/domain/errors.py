"""Errors of the change request's rules: classes for programs, ``str()`` for people."""

from collections.abc import Mapping, Sequence


class ChangeError(Exception):
    """Base of every error that the changes app raises on purpose; ``code`` is stable and machine-readable."""

    code = "change_error"


class InvalidInputError(ChangeError):
    """What somebody typed or sent cannot be used; ``fields`` maps a field's name to its sentences."""

    code = "invalid_input"

    def __init__(self, fields: Mapping[str, Sequence[str]]) -> None:
        self.fields: dict[str, list[str]] = {name: list(sentences) for name, sentences in fields.items()}
        super().__init__(" ".join(sentence for sentences in self.fields.values() for sentence in sentences))
