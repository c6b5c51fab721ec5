"""What the pages of a change say while its approvals are not sealed in the audit log."""

from __future__ import annotations

from dataclasses import dataclass

from changes.domain.reasons import reason
from changes.services.approval_seals import seal_wait
from portal.presenters.sight import Sight


@dataclass(frozen=True, slots=True)
class SealNote:
    """An alert: why nothing is written, and what to do."""

    code: str
    title: str
    text: str
    next_step: str


def seal_note_of(sight: Sight) -> SealNote | None:
    """The alert of a change whose approvals wait for the sealer, if anything is to be said. At most one query."""
    found = seal_wait(sight.change)
    if found is None:
        return None
    told = reason(found.code)
    return SealNote(found.code, told.sentence, found.detail, told.next_step)
