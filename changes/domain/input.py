"""Parts for judging what people and scripts send: every finding is a sentence under its field's name."""

import difflib
import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from changes.domain.errors import InvalidInputError

# As devices.domain.redaction writes it, and without a tag for the value of a variable.
_MASK = re.compile(r"<hidden(?::[0-9a-f]{8})?>")
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


@dataclass(slots=True)
class Findings:
    """Collects sentences per field, so that somebody learns everything that is wrong at once."""

    fields: dict[str, list[str]] = field(default_factory=dict)

    def add(self, name: str, sentence: str) -> None:
        """Put one more sentence under the field ``name``."""
        self.fields.setdefault(name, []).append(sentence)

    def absorb(self, error: InvalidInputError) -> None:
        """Take over what another parser found."""
        for name, sentences in error.fields.items():
            for sentence in sentences:
                self.add(name, sentence)

    def check(self) -> None:
        """Stop here if anything was found.

        Raises:
            InvalidInputError: with every sentence collected so far.
        """
        if self.fields:
            raise InvalidInputError(self.fields)


def one_of(names: Collection[str]) -> str:
    """The allowed names for a sentence, sorted: "name, role, site"."""
    return ", ".join(sorted(names))


def did_you_mean(name: str, known: Collection[str]) -> str:
    """A half sentence with the nearest known name, starting with a space, or nothing."""
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.7)
    return f' Did you mean "{near[0]}"?' if near else ""


def unknown_names(given: Mapping[str, object], known: Collection[str], kind: str) -> dict[str, str]:
    """A sentence for each name in ``given`` that is not known; ``kind`` says what names."""
    return {
        name: f'There is no {kind} "{shown(name)}".{did_you_mean(name, known)} Allowed: {one_of(known)}.'
        for name in map(str, given)
        if name not in known
    }


def shown(value: object, limit: int = 60) -> str:
    """A value as it may stand in a sentence: short, on one line, without hidden characters."""
    text = "".join(_visible(char) for char in str(value)[: limit + 1])
    return text if len(text) <= limit else text[: limit - 1] + "…"


def hidden_character(text: str, *, allowed: str = "") -> str | None:
    """A sentence about the first character that a reader cannot see, or None.

    Control characters can act on a device's terminal, and direction marks make a line read otherwise than it
    is sent (CVE-2021-42574), so both are refused wherever a reviewer must see what a device gets.
    """
    for at, char in enumerate(text):
        if char not in allowed and unicodedata.category(char) in _HIDDEN_CATEGORIES:
            line = text.count("\n", 0, at) + 1
            where = f"line {line}, " if "\n" in text else ""
            column = at - text.rfind("\n", 0, at)
            return f"{where}character {column} is {_name(char)}, which is not allowed here. Take it out."
    return None


def masked_secret(text: str) -> str | None:
    """A sentence about a mask that stands where a secret was, or None.

    Who reads another person's change sees masks; sent back and approved, a mask would become a device's secret.
    """
    found = _MASK.search(text)
    return (
        f'"{found[0]}" is masked: it stands where you may not read a secret. Put the secret itself.' if found else None
    )


def unix_lines(text: str) -> str:
    """The text with LF line ends: browsers send a text area's lines with CR LF."""
    return text.replace("\r\n", "\n")


def _name(char: str) -> str:
    spoken = {
        "\n": "a line break",
        "\r": "a carriage return",
        "\t": "a tab",
        "\0": "a NUL",
        "\x1b": "an escape",
    }
    return spoken.get(char) or f"the control character U+{ord(char):04X}"


def _visible(char: str) -> str:
    return f"\\u{ord(char):04x}" if unicodedata.category(char) in _HIDDEN_CATEGORIES else char
