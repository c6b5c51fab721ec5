"""What a page says when the product refuses: one mapping from errors to status, sentence and next step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from django.http import Http404

from changes.domain.canonical import CanonicalError
from changes.domain.errors import ChangeError, InvalidInputError
from changes.domain.plan import PayloadError
from changes.domain.reasons import reason
from changes.domain.states import IllegalTransitionError
from changes.errors import (
    ChangeNotFoundError,
    ConflictError,
    DigestMismatchError,
    PlanIntegrityError,
    PolicyDeniedError,
    UnplannableError,
)
from devices.domain.reasons import UnknownReasonError
from devices.errors import BadFieldsError, DeviceError, DeviceNotFoundError, NotPermittedError, OutdatedError
from portal.api.errors import STATUSES


@dataclass(frozen=True, slots=True)
class Refusal:
    """An alert at the head of a page; ``fields`` are sentences under the form's own fields.

    ``stale_digest`` is the digest that somebody decided on although another plan stands now.
    """

    status: int
    title: str
    sentences: tuple[str, ...]
    next_step: str
    code: str
    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)
    stale_digest: str = ""


_TITLES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (DigestMismatchError, "You read another plan than the one that stands now. Nothing was decided."),
    (PlanIntegrityError, "The stored plan is not what it claims to be. Nothing was done."),
    (PolicyDeniedError, "A rule does not let you do this."),
    (IllegalTransitionError, "This is not possible any more. Nothing was done."),
    (InvalidInputError, "Something is missing or wrong. Nothing was done."),
    (UnplannableError, "No plan can be made from this content."),
    (ConflictError, "This does not fit how things stand now. Nothing was done."),
    (NotPermittedError, "A rule does not let you do this."),
    (BadFieldsError, "Something is missing or wrong. Nothing was done."),
    (OutdatedError, "This does not fit how things stand now. Nothing was done."),
)
_GENERAL: Final = "This was refused. Nothing was done."

_NEXT: Final[tuple[tuple[type[Exception], str], ...]] = (
    (IllegalTransitionError, "This page shows how the change stands now; go on from there."),
    (InvalidInputError, "Correct it and send it again; what you wrote is still in the form."),
    (BadFieldsError, "Correct it and send it again; what you wrote is still in the form."),
    (UnplannableError, "Edit the content, then build the plan again."),
)

_UNREADABLE: Final = (PayloadError, CanonicalError)


def refusal_of(error: ChangeError | DeviceError) -> Refusal:
    """The alert for a refusal.

    Raises:
        Http404: there is no such change; the page for that is another one.
    """
    if isinstance(error, ChangeNotFoundError | DeviceNotFoundError):
        raise Http404(str(error))
    return Refusal(
        status=_status(error),
        title=_first(_TITLES, error) or _GENERAL,
        sentences=_sentences(error),
        next_step=_next_step(error),
        code=error.code,
        fields=error.fields if isinstance(error, InvalidInputError | BadFieldsError) else {},
        stale_digest=error.given if isinstance(error, DigestMismatchError) else "",
    )


def attempt(act: Callable[[], object]) -> Refusal | None:
    """Do it; the refusal when the product refuses.

    Raises:
        Http404: there is no such change.
    """
    try:
        act()
    except (ChangeError, DeviceError) as error:
        return refusal_of(error)
    return None


def _status(error: Exception) -> int:
    if isinstance(error, _UNREADABLE):
        return 409
    return next((status for kind, status in STATUSES if isinstance(error, kind)), 400)


def _first(table: Sequence[tuple[type[Exception], str]], error: Exception) -> str:
    return next((text for kind, text in table if isinstance(error, kind)), "")


def _sentences(error: ChangeError | DeviceError) -> tuple[str, ...]:
    if isinstance(error, PolicyDeniedError):
        return tuple(sentence for _code, sentence in error.reasons)
    if isinstance(error, InvalidInputError | BadFieldsError):
        return tuple(sentence for sentences in error.fields.values() for sentence in sentences)
    return (str(error),)


def _next_step(error: ChangeError | DeviceError) -> str:
    """What to do: the sentence of a rule says it itself, else the catalogue knows."""
    if isinstance(error, PolicyDeniedError | NotPermittedError):
        return ""
    own = _first(_NEXT, error)
    if own:
        return own
    try:
        return reason(error.code).next_step
    except UnknownReasonError:
        return ""
