"""What the page about breakers shows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.urls import reverse
from django.utils import timezone

from devices.domain.breaker import BreakerKind, BreakerState
from devices.domain.reasons import Reason, reason
from devices.models import CircuitBreaker

_TONES: Final = {BreakerState.CLOSED: "warn", BreakerState.OPEN: "bad", BreakerState.HALF_OPEN: "warn"}
_LABELS: Final = {
    BreakerState.CLOSED: "closed, counting",
    BreakerState.OPEN: "open",
    BreakerState.HALF_OPEN: "half open",
}

_CREDENTIAL_HINT: Final = (
    "The next attempts go to devices at once. If the cause is still there, they may lock the account."
)
_SITE_HINT: Final = "The next attempts go to devices at once."


@dataclass(frozen=True, slots=True)
class BreakerRow:
    """One breaker that holds something back, or counts failures. ``meaning`` says what happens to devices now."""

    id: int
    title: str
    url: str
    tone: str
    state: str
    meaning: str
    failures: int
    last_device: str
    reason: Reason | None
    button: str
    hint: str
    opened_at: datetime | None
    next_try: datetime | None


def breaker_rows(rows: Iterable[CircuitBreaker]) -> list[BreakerRow]:
    """The rows of the page."""
    return [_row(row) for row in rows]


def _row(row: CircuitBreaker) -> BreakerRow:
    state = BreakerState(row.state)
    is_credential = row.kind == BreakerKind.CREDENTIAL
    cooling = state is BreakerState.OPEN and row.open_until is not None and row.open_until > timezone.now()
    return BreakerRow(
        id=row.pk,
        title=f"{row.get_kind_display()} {row.name}",
        url=reverse("credential-detail", args=[row.name]) if is_credential else "",
        tone=_TONES[state],
        state=_LABELS[state],
        meaning=_meaning(state, cooling=cooling),
        failures=row.failures,
        last_device=row.last_subject,
        reason=reason(row.last_code) if row.last_code else None,
        button="Forget the failures" if state is BreakerState.CLOSED else "Close this breaker",
        hint=_CREDENTIAL_HINT if is_credential else _SITE_HINT,
        opened_at=row.opened_at,
        next_try=row.open_until if cooling else None,
    )


def _meaning(state: BreakerState, *, cooling: bool) -> str:
    if state is BreakerState.CLOSED:
        return "Attempts go through. Some more failures in a row open it."
    if cooling:
        return "Nothing is tried until the cool-down is over. Devices wait."
    return "The next device tries; its outcome decides for all others."
