"""What ``manage.py check --deploy`` says of archives: an overdue retrieval test, and files that need somebody."""

from collections.abc import Sequence
from typing import Any, Final

from django.core import checks
from django.db import Error

from audit.retention.reminding import reminders

W_OVERDUE: Final = "audit.W008"


@checks.register(checks.Tags.security, deploy=True)
def check_retention(app_configs: Sequence[Any] | None, **_named: object) -> list[checks.CheckMessage]:  # noqa: ARG001 - Django's signature
    """Warn of what is overdue. A database that cannot be asked is told of by another check."""
    try:
        found = reminders()
    except Error:
        return []
    return [checks.Warning(sentence, hint="See docs/retention.md.", id=W_OVERDUE) for sentence in found]
