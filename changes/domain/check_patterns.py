"""RE2 patterns of checks: ``^`` and ``$`` match at every line, and no pattern takes more than linear time."""

from functools import lru_cache
from typing import Any

import re2

from changes.domain.input import shown


@lru_cache(maxsize=256)
def compiled_pattern(pattern: str) -> Any:  # noqa: ANN401 - re2 ships no types
    """The pattern, compiled.

    Raises:
        re2.error: RE2 does not know it.
    """
    options = re2.Options()
    options.log_errors = False
    re2.compile(pattern, options)  # alone first: with the prefix, a broken pattern must not become a whole one
    return re2.compile(f"(?m){pattern}", options)


def pattern_problem(pattern: str) -> str | None:
    """A sentence about a pattern that RE2 does not know, or None."""
    try:
        compiled_pattern(pattern)
    except re2.error as error:
        reason = error.args[0] if error.args else b""
        said = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        return f"RE2 does not know this pattern ({shown(said)}). It has no look-around or back-references."
    return None
