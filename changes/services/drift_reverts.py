"""Reverting drift: a draft change request that holds the commands which lead back to the expected configuration."""

from __future__ import annotations

from audit.actor import Actor
from changes.domain import policy
from changes.domain.errors import ChangeError
from changes.domain.policy import Role
from changes.errors import ConflictError, PolicyDeniedError
from changes.models import ChangeRequest, DriftRevert
from changes.services.people import enforce, person_of
from changes.services.requests import change_create
from devices.domain.inverse import inverse_commands
from devices.domain.platforms import PLATFORMS
from devices.errors import DeviceError
from devices.models import DriftRecord
from devices.services.drift_decisions import drift_attempt, drift_locked, drift_reverting
from devices.services.scrubbing import Scrubber

LINES_WITHHELD = (
    "{count} of the lines that lead back hold secrets, which only administrators may see."
    " Have somebody make this change request who is a requester and an administrator."
)


def drift_revert(*, drift_id: int, author: Actor) -> ChangeRequest:
    """Write a draft that takes a drift record back, and link the two; audited on both sides.

    The draft goes the way of every change: planned, assessed and approved by others than its author. Once a backup
    shows that nothing of the drift is left, the record closes by itself.

    Raises:
        PolicyDeniedError: no requester; or lines hold secrets and the person is no administrator.
        ConflictError: there is nothing to send, or the platform is not known.
        DeviceNotFoundError, OutdatedError: there is no such record, or it is closed.
    """
    with drift_attempt("revert", drift_id, author, refusals=(ChangeError, DeviceError)):
        return _revert(drift_id, author)


def _revert(drift_id: int, author: Actor) -> ChangeRequest:
    person = person_of(author)
    enforce(policy.may_create(person))
    drift = drift_locked(drift_id)
    lines = _lines_back(drift)
    scrub = Scrubber.load()
    held = sum(scrub(line) != line for line in lines)
    if held and Role.ADMINISTRATOR not in person.roles:
        raise PolicyDeniedError([(policy.GATE_ROLE_DENIED, LINES_WITHHELD.format(count=held))])
    data = {
        "title": f"Revert {drift.number} on {drift.device.name}",
        "reason": _reason(drift),
        "content": "{% raw %}\n" + "\n".join(lines) + "\n{% endraw %}\n",
        "targets": {"device_ids": [drift.device_id]},
    }
    change = change_create(data=data, author=author)
    DriftRevert.objects.create(change=change, drift=drift)
    drift_reverting(drift_id=drift_id, reason=f"Reverted by {change.number}.", actor=author)
    return change


def _lines_back(drift: DriftRecord) -> tuple[str, ...]:
    platform = PLATFORMS.get(drift.device.platform)
    if platform is None:
        raise ConflictError(f"The platform of {drift.device.name} is not known, so no commands can be made.")
    lines = inverse_commands(drift.baseline.blob.text, drift.found.blob.text, platform)
    if not lines:
        raise ConflictError("No command leads from one of these configurations to the other.", code="PLAN_EMPTY")
    return lines


def _reason(drift: DriftRecord) -> str:
    by = f" The device names {drift.changed_by} as the author." if drift.changed_by else ""
    kind = "An unauthorized change" if drift.unauthorized else f"What {drift.explained_by} left behind"
    return (
        f"{kind} was found on {drift.device.name} on {drift.first_seen_at:%d %b %Y at %H:%M} UTC"
        f" (+{drift.lines_added} and -{drift.lines_removed} lines, {drift.drift_class}).{by}"
        f" This change brings the expected configuration back; see {drift.number}."
    )
