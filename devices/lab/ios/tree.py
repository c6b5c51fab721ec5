"""The configuration as the device holds it: sections of entries, each entry one setting."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from devices.lab.ios.grammar import Match, Rule
from devices.lab.ios.params import NaturalKey, natural_key

Key = tuple[str, ...]


@dataclass(slots=True)
class Entry:
    """One setting; `body` holds the lines of its sub-mode."""

    rule: Rule
    tokens: Key
    key: Key
    negated: bool = False
    body: "Section | None" = None

    @property
    def text(self) -> str:
        """The line as `show running-config` prints it, without indentation."""
        return ("no " if self.negated else "") + " ".join(self.tokens)

    @property
    def rank(self) -> tuple[int, NaturalKey, int]:
        """Where the entry stands among its neighbours; equal ranks keep the order of entry."""
        rule = self.rule
        if rule.group:
            return rule.order, natural_key(" ".join(self.key[: rule.group])), rule.index
        return rule.order, natural_key(" ".join(self.key[: rule.sort])), 0


@dataclass(slots=True)
class Section:
    """The settings of one mode, by key."""

    mode: str
    entries: dict[Key, Entry] = field(default_factory=dict)

    def put(self, match: Match, *, key: Key | None = None, tokens: Key | None = None) -> Entry:
        """Store a setting in place of the one with the same key; the body of an existing section stays."""
        key = match.key if key is None else key
        old = self.entries.get(key)
        body = old.body if old and not old.negated else None
        if match.rule.enter and body is None:
            body = Section(match.rule.enter)
        entry = Entry(match.rule, match.tokens if tokens is None else tokens, key, body=body)
        self.entries[key] = entry
        return entry

    def put_negated(self, match: Match, *, key: Key | None = None) -> None:
        """Store the negation itself, for settings that are on unless negated."""
        key = match.key if key is None else key
        self.entries[key] = Entry(match.rule, key, key, negated=True)

    def drop(self, key: Key) -> None:
        """Forget a setting; nothing happens when it is not there."""
        self.entries.pop(key, None)

    def drop_beginning(self, words: Key) -> None:
        """Forget every setting whose words begin with these."""
        for key in [k for k, entry in self.entries.items() if entry.tokens[: len(words)] == words]:
            del self.entries[key]

    def find(self, *words: str) -> Entry | None:
        """The entry with exactly this key."""
        return self.entries.get(words)

    def beginning(self, *words: str) -> list[Entry]:
        """All entries whose words begin with these, in the order of entry."""
        return [entry for entry in self.entries.values() if entry.tokens[: len(words)] == words]

    def ordered(self) -> Iterator[Entry]:
        """The entries in the order in which the device prints them."""
        return iter(sorted(self.entries.values(), key=lambda entry: entry.rank))
