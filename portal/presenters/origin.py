"""What a change is made from and why it is urgent: its template with the envelope, and who called an emergency."""

from __future__ import annotations

from dataclasses import dataclass

from changes.domain.states import BEFORE_IMPLEMENTING, ChangeState, ChangeType, PlanState
from changes.models import TemplateVersion
from changes.services.envelopes import EnvelopeVerdict, within_envelope
from changes.services.template_use import newer_version
from portal.presenters.sight import Sight
from portal.presenters.visible import visible


@dataclass(frozen=True, slots=True)
class Origin:
    """``verdict`` is there for a planned standard change that was not started yet."""

    version: TemplateVersion | None
    newer: TemplateVersion | None
    verdict: EnvelopeVerdict | None
    before_submit: bool
    called_by: str
    emergency_reason: str


def origin_of(sight: Sight) -> Origin:
    """The origin of a change; no query for one without a template."""
    change, revision = sight.change, sight.revision
    version = change.template_version
    judged = (
        change.type == ChangeType.STANDARD
        and sight.state in BEFORE_IMPLEMENTING
        and revision is not None
        and revision.state == PlanState.READY
    )
    return Origin(
        version=version,
        newer=newer_version(version) if version else None,
        verdict=within_envelope(change, revision) if judged and revision else None,
        before_submit=sight.state is ChangeState.DRAFT,
        called_by=visible(change.called_by),
        emergency_reason=visible(change.emergency_reason),
    )
