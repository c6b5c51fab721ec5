"""Is what a device gave as its configuration a whole configuration? And who does it say changed it last?"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from devices.domain.platforms import Platform

SMALL_SHARE: Final = 0.5
"""A configuration with less than this share of the lines it had is kept apart."""
SMALL_FROM: Final = 20
"""Lines; shorter configurations may halve without being suspicious."""
_HEAD: Final = 5
_PAGER: Final = re.compile(r"^\s*(?:--\s?More\s?--|<--- More --->|---\(more.*\)---)", re.MULTILINE | re.IGNORECASE)
_CHANGED_BY: Final = re.compile(r"^\s*[!#]+\s*Last (?:configuration change|commit)\b.*\bby (?P<login>\S+)\s*$")
_MAX_LOGIN: Final = 100


class Verdict(StrEnum):
    """What to do with a text that was read as a configuration."""

    VALID = "valid"
    INVALID = "invalid"
    SUSPICIOUS = "suspicious"


@dataclass(frozen=True, slots=True)
class Judgement:
    """``code`` and ``sentence`` are empty for a valid configuration."""

    verdict: Verdict
    code: str = ""
    sentence: str = ""


_VALID: Final = Judgement(Verdict.VALID)


def judge_config(raw: str, normalised: str, platform: Platform, *, lines_before: int | None) -> Judgement:
    """Judge a text as the device gave it; ``lines_before`` is the length of the last configuration, None for none.

    *Invalid* texts are never kept: nothing, an error message, a text that was cut. *Suspicious* ones are kept apart
    until a person has looked: they may be true, for example after a device was erased.
    """
    lines = [line.strip() for line in raw.splitlines() if line.strip()]
    if not lines or not normalised.strip():
        return Judgement(Verdict.INVALID, "CONFIG_EMPTY", "The device gave an empty configuration.")
    refused = platform.rejection("\n".join(lines[:_HEAD]))
    if refused:
        return Judgement(Verdict.INVALID, "CONFIG_ERROR_TEXT", f"The device gave a message instead: {refused[:200]}")
    if _PAGER.search(raw):
        sentence = "The device stopped at a page's end, so the text is not whole."
        return Judgement(Verdict.INVALID, "OUTPUT_TRUNCATED", sentence)
    if platform.end_line and lines[-1] != platform.end_line:
        sentence = f"The text ends with “{lines[-1][:80]}” instead of “{platform.end_line}”."
        return Judgement(Verdict.INVALID, "OUTPUT_TRUNCATED", sentence)
    return _judge_size(normalised.count("\n"), lines_before)


def _judge_size(count: int, before: int | None) -> Judgement:
    if before is None or before < SMALL_FROM or count >= before * SMALL_SHARE:
        return _VALID
    sentence = f"It has {count} lines; the last one had {before}. It is kept apart until somebody has looked at it."
    return Judgement(Verdict.SUSPICIOUS, "CONFIG_SUSPICIOUS", sentence)


def last_changed_by(raw: str) -> str:
    """The login in the device's own "Last configuration change at … by X" line; "" where it prints none."""
    for line in raw.splitlines()[:30]:
        found = _CHANGED_BY.match(line)
        if found:
            return found["login"][:_MAX_LOGIN]
    return ""
