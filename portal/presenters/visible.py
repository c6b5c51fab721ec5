"""Text from devices and people as a page may show it: secrets masked, and nothing in it that a reader cannot see."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from devices.services.scrubbing import Scrubber

# Plain printable ASCII and line ends need no second look; nearly every configuration line is made of them alone.
_SUSPECT = re.compile(r"[^\n\t\x20-\x7e]")
_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})


def visible(text: str) -> str:
    r"""The text with every character that a reader cannot see written out, as in ``\u202e``.

    A device may send escapes and direction marks, and with them a line reads otherwise than it is
    (CVE-2021-42574). Line feeds and tabs stay.
    """
    return _SUSPECT.sub(_written_out, text)


def _written_out(match: re.Match[str]) -> str:
    char = match.group()
    return f"\\u{ord(char):04x}" if unicodedata.category(char) in _HIDDEN else char


@dataclass(frozen=True, slots=True)
class Mask:
    """Makes text fit to be shown; one per page, since it loads the known secrets once."""

    scrub: Scrubber

    @classmethod
    def load(cls) -> Self:
        """A mask with the secrets that the credential store holds now."""
        return cls(Scrubber.load())

    def text(self, text: str) -> str:
        """Configuration, commands, a diff or a transcript, masked as a whole by pattern and by value."""
        return visible(self.scrub(text)) if text else ""

    def prose(self, text: str) -> str:
        """What somebody wrote in words, masked where it holds or quotes a secret; its own words stay."""
        return visible(self.scrub.prose(text)) if text else ""

    def lines(self, lines: Sequence[str]) -> tuple[str, ...]:
        """Lines that belong together, so that a secret which spans several is found; as many as were given."""
        masked = self.text("\n".join(lines)).split("\n") if lines else []
        if len(masked) == len(lines):
            return tuple(masked)
        return tuple(self.text(line) for line in lines)
