"""The words of warnings, and which of them an address may ask for."""

from __future__ import annotations

from typing import Final

from devices.domain.severity import Severity
from devices.domain.warnings import RULES

RULE_BY_CODE: Final = {rule.code: rule for rule in RULES}


def warning_label(warning: str) -> str:
    """A filter's value as people read it."""
    if warning in set(Severity):
        return f"a {warning} warning"
    rule = RULE_BY_CODE.get(warning)
    return f"the warning “{rule.title}”" if rule else ""


def known_warning(value: str) -> str:
    """The filter's value if it is a severity or the code of a rule, else nothing."""
    return value if value in set(Severity) or value in RULE_BY_CODE else ""
