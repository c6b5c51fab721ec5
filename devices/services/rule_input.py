"""Reading a rule from raw input: nothing is guessed at, and every field that cannot be used gets its sentence."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Final

from devices.errors import BadFieldsError

_NAME_LIMIT: Final = 100
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_LAYOUT: Final = frozenset("\n\t")


class RuleInput:
    """Values by name, as a form or an API call brought them; ``problems`` collects the sentences."""

    def __init__(self, data: Mapping[str, object]) -> None:
        self._data = data
        self.problems: dict[str, list[str]] = {}

    def text(self, name: str, *, limit: int, lines: bool = False) -> str:
        """A text without a character that nobody sees; ``lines`` lets line feeds and tabs pass. "" if left out."""
        value = self._data.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            return self._refused(name, "Give a text.")
        text = value.replace("\r\n", "\n")
        if len(text) > limit:
            return self._refused(name, f"The text has {len(text)} characters; {limit} are allowed.")
        if _hides(text, _LAYOUT if lines else frozenset()):
            return self._refused(name, "It holds a character that cannot be seen; take it out.")
        return text

    def names(self, name: str) -> list[str]:
        """A list of short texts, without blank ones; empty if left out."""
        value = self._data.get(name)
        given = [] if value is None else value
        if not isinstance(given, list | tuple) or not all(isinstance(item, str) for item in given):
            self._refused(name, "Give a list of texts; an empty one means all.")
            return []
        found = [item.strip() for item in given if item.strip()]
        if any(len(item) > _NAME_LIMIT or _hides(item) for item in found):
            self._refused(name, f"Each may have {_NAME_LIMIT} characters, all of which can be seen.")
        return found

    def flag(self, name: str, *, default: bool) -> bool:
        """Yes or no; ``default`` if left out."""
        value = self._data.get(name, default)
        if not isinstance(value, bool):
            self._refused(name, "Give true or false.")
        return bool(value)

    def whole(self, name: str, *, limit: int) -> int:
        """A number from 0 to below ``limit``, written as one or as text; 0 if left out."""
        text = str(self._data.get(name, 0))
        known = not isinstance(self._data.get(name), bool) and text.isascii() and text.isdigit()
        if not known or len(text) > len(str(limit)) or int(text) >= limit:
            self._refused(name, f"Write a whole number from 0 to {limit - 1}.")
            return 0
        return int(text)

    def check(self) -> None:
        """End the reading.

        Raises:
            BadFieldsError: with every sentence about every field.
        """
        if self.problems:
            raise BadFieldsError(self.problems)

    def blame(self, name: str, *sentences: str) -> None:
        """Add sentences about a field, unless something was wrong with it already."""
        self.problems.setdefault(name, list(sentences))

    def _refused(self, name: str, sentence: str) -> str:
        self.blame(name, sentence)
        return ""


def _hides(text: str, allowed: frozenset[str] = frozenset()) -> bool:
    return any(unicodedata.category(char) in _HIDDEN and char not in allowed for char in text)
