"""Change freezes: periods in which nothing of any change may be started. Pure rules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from changes.domain.input import Findings, hidden_character, shown, unknown_names
from changes.domain.windows import FARTHEST, Period, moment_in

LONGEST: Final = timedelta(days=92)
MAX_NAME: Final = 100
_TIMES: Final = {"starts_at": "start", "ends_at": "end"}
FIELDS: Final = frozenset({"name", "comment", *_TIMES})


def parse_freeze(value: Mapping[str, object], *, now: datetime) -> Period:
    """Read ``name``, ``starts_at`` and ``ends_at`` (ISO 8601; without a zone they mean UTC), and judge them.

    It may begin in the past: then it is in force at once. The comment is read by the service.

    Raises:
        InvalidInputError: with a sentence under each name.
    """
    findings = Findings()
    for name, sentence in unknown_names(value, FIELDS, "field").items():
        findings.add(shown(name), sentence)
    name = _name(value.get("name"), findings)
    times = {key: moment_in(value, key, f"{what} of the freeze", findings) for key, what in _TIMES.items()}
    start, end = times["starts_at"], times["ends_at"]
    if start and end:
        if end <= start:
            findings.add("ends_at", "The freeze must end after it starts.")
        elif end - start > LONGEST:
            findings.add("ends_at", f"A freeze lasts at most {LONGEST.days} days; declare another one after it.")
        if end <= now:
            findings.add("ends_at", "This is over already; give a time to come.")
        elif start - now > FARTHEST:
            findings.add("starts_at", f"A freeze starts within {FARTHEST.days} days.")
    findings.check()
    assert start and end  # noqa: PT018, S101 - whatever is missing was found above
    return Period(start, end, name)


def _name(value: object, findings: Findings) -> str:
    name = value.strip() if isinstance(value, str) else ""
    if not name:
        findings.add("name", "Give the freeze a name that people know, such as Year end.")
    elif len(name) > MAX_NAME:
        findings.add("name", f"A name has at most {MAX_NAME} characters.")
    elif hidden := hidden_character(name):
        findings.add("name", f"In the name {hidden}")
    return name
