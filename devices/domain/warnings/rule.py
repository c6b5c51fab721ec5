"""What a rule is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from devices.domain.severity import Severity

if TYPE_CHECKING:
    from devices.domain.warnings.situation import Situation

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """What a rule found. ``severity`` None: the rule's own; a hit is never graver than its rule.

    ``path`` is the place in the configuration, outermost header first. ``number`` counts the rendered lines from 1 and
    is None where no single line does it. No secret stands in ``sentence`` or ``path``.
    """

    sentence: str
    path: Path = ()
    number: int | None = None
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One warning about one device's plan: what is there, and what the change does to it.

    ``line`` is the rendered line as it was written; the caller masks its secrets before it stores or shows it.
    """

    code: str
    severity: Severity
    sentence: str
    number: int | None = None
    line: str = ""
    path: Path = ()

    def as_warning(self) -> dict[str, object]:
        """In the shape of a device plan's warnings: ``{line, sentence, code, severity, number, path}``."""
        return {
            "line": self.line,
            "sentence": self.sentence,
            "code": self.code,
            "severity": self.severity.value,
            "number": self.number,
            "path": list(self.path),
        }


@dataclass(frozen=True, slots=True)
class Rule:
    """One semantic rule. It says nothing about platforms that it does not know.

    ``severity`` is the gravest that a finding can have. No warning stops a plan by itself: policies and people decide.
    ``explanation`` tells operators why it matters and what to do. ``code`` is stable.
    """

    code: str
    severity: Severity
    title: str
    explanation: str
    platforms: frozenset[str]
    find: Callable[[Situation], Iterable[Hit]]


IOS_LIKE: Final = frozenset({"cisco_ios", "cisco_xe"})
WITH_GRAMMAR: Final = IOS_LIKE | {"cisco_nxos", "arista_eos", "frr"}
BY_INDENTATION: Final = WITH_GRAMMAR | {"cisco_xr"}
EVERY: Final = BY_INDENTATION | {"juniper_junos"}
_LISTED: Final = 3


def begins(text: str, words: str) -> bool:
    """Whether a line is these words or begins with them."""
    return text.startswith(words) and (len(text) == len(words) or text[len(words)] == " ")


def listed(items: Iterable[str]) -> str:
    """Up to three names, and how many more there are."""
    names = list(items)
    more = len(names) - _LISTED
    text = ", ".join(names[:_LISTED])
    return f"{text} and {more} more" if more > 0 else text
