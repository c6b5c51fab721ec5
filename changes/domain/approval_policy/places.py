"""Reading values out of a document: each finding is kept under the path of its place, such as ``rules[2].when``."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar

from changes.domain.input import Findings, did_you_mean, hidden_character, shown, unknown_names

MAX_VALUES: Final = 200
MAX_TEXT: Final = 200
MAX_LONG_TEXT: Final = 2_000

_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")
_GROUP: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._@+-]{0,79}")

Word = TypeVar("Word", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere in a document. Each reading method answers None, and leaves a sentence, where the value is wrong."""

    findings: Findings
    path: str = ""

    def at(self, name: str) -> Place:
        """The place of a field below this one."""
        return Place(self.findings, f"{self.path}.{name}" if self.path else name)

    def item(self, index: int) -> Place:
        """The place of an element below this one, counted from 0."""
        return Place(self.findings, f"{self.path}[{index}]")

    def say(self, sentence: str) -> None:
        """Keep a finding about this place."""
        self.findings.add(self.path or "document", sentence)

    def mapping(
        self, value: object, *, required: Collection[str] = (), known: Collection[str] = ()
    ) -> Mapping[str, object] | None:
        """An object whose names are all known and that has all the required ones; values are not judged."""
        names = {*required, *known}
        if not isinstance(value, Mapping):
            self.say(f"This must be an object with the fields: {', '.join(sorted(names))}.")
            return None
        for name, sentence in unknown_names(value, names, "field").items():
            self.at(shown(name)).say(sentence)
        missing = [name for name in required if name not in value]
        for name in missing:
            self.at(name).say("This field is missing.")
        return None if missing else value

    def list(self, value: object, *, limit: int, empty: bool = False) -> Sequence[object] | None:
        """A list of at most ``limit`` elements."""
        if not isinstance(value, list | tuple):
            self.say("This must be a list.")
        elif not value and not empty:
            self.say("This list is empty. Name at least one element.")
        elif len(value) > limit:
            self.say(f"This list has {len(value):,} elements; {limit:,} are allowed.")
        else:
            return value
        return None

    def text(self, value: object, *, limit: int = MAX_TEXT, empty: bool = False) -> str | None:
        """One line of text without hidden characters."""
        if not isinstance(value, str) or not (empty or value.strip()):
            self.say("This must be a text that is not empty.")
        elif len(value) > limit:
            self.say(f"This text has {len(value):,} characters; {limit:,} are allowed. Shorten it.")
        elif hidden := hidden_character(value):
            self.say(f"In this text {hidden}")
        else:
            return value.strip()
        return None

    def name(self, value: object) -> str | None:
        """A short name that other places refer to."""
        if isinstance(value, str) and _NAME.fullmatch(value):
            return value
        self.say(f'"{shown(value)}" is not a name: use up to 40 small letters, digits and "-", first a letter.')
        return None

    def groups(self, value: object, *, empty: bool = False) -> tuple[str, ...] | None:
        """Names of groups, each once."""
        items = self.list(value, limit=20, empty=empty)
        if items is None:
            return None
        wrong = [item for item in items if not (isinstance(item, str) and _GROUP.fullmatch(item))]
        if wrong:
            self.say(f'"{shown(wrong[0])}" is not the name of a group.')
            return None
        return self._once(tuple(str(item) for item in items))

    def values(self, value: object) -> tuple[str, ...] | None:
        """Values of an inventory field, each once; large and small letters are the same."""
        items = self.list(value, limit=MAX_VALUES)
        if items is None:
            return None
        read = [self.item(index).text(item) for index, item in enumerate(items)]
        found = tuple(item for item in read if item is not None)
        return self._once(found) if len(found) == len(items) else None

    def words(self, value: object, words: type[Word], *, kind: str) -> tuple[Word, ...] | None:
        """Words of a fixed vocabulary, each once, in the vocabulary's order."""
        items = self.list(value, limit=len(words))
        if items is None:
            return None
        read = [self.item(index).word(item, words, kind=kind) for index, item in enumerate(items)]
        found = tuple(item for item in read if item is not None)
        if len(found) != len(items) or self._once(tuple(found)) is None:
            return None
        return tuple(word for word in words if word in found)

    def word(self, value: object, words: type[Word], *, kind: str) -> Word | None:
        """One word of a fixed vocabulary; ``kind`` says what it names."""
        names = [word.value for word in words]
        if isinstance(value, str) and value in names:
            return words(value)
        near = did_you_mean(value, names) if isinstance(value, str) else ""
        self.say(f'"{shown(value)}" is not a {kind}.{near} Allowed: {", ".join(names)}.')
        return None

    def integer(self, value: object, *, least: int, most: int) -> int | None:
        """A whole number within the bounds."""
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        self.say(f"This must be a whole number from {least:,} to {most:,}.")
        return None

    def boolean(self, value: object) -> bool | None:
        """One of true and false."""
        if isinstance(value, bool):
            return value
        self.say("This must be true or false.")
        return None

    def _once(self, items: tuple[str, ...]) -> tuple[str, ...] | None:
        seen: set[str] = set()
        for item in items:
            if item.casefold() in seen:
                self.say(f'"{shown(item)}" stands twice. Name it once.')
                return None
            seen.add(item.casefold())
        return items
