"""Drift: what differs on a device from the configuration that is expected of it.

Expected is the last accepted one: what the last trusted change request left behind, or the version that somebody
accepted. The first backup of a device is taken on trust, and says so. A record stays open until its lines are gone
from the device or somebody accepts it, also when change requests come in between: a change that was signed does not
sign what somebody else did beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from django.db import transaction
from django.utils import timezone

from audit.actor import Actor
from audit.recorder import record
from devices.domain.drift import Change, change_set
from devices.domain.drift_review import DriftEvent, DriftState, next_drift_state
from devices.domain.drift_rules import Classified, DriftClass, Rule, Ruleset
from devices.domain.platforms import Platform, platform_for
from devices.errors import OutdatedError
from devices.models import BaselineOrigin, ConfigSnapshot, ConfigState, Device, DriftRecord, DriftRule
from devices.services.change_history import change_history
from devices.services.scrubbing import Scrubber

WORKER = Actor.system("worker")
MATCHES_KEPT = 50


@dataclass(frozen=True, slots=True)
class _Finding:
    """Where a device stands: its locked state row, and what it has now."""

    device: Device
    platform: Platform
    state: ConfigState
    found: ConfigSnapshot
    explained_by: str


@transaction.atomic
def drift_evaluate(*, device_id: int, snapshot_id: int) -> DriftRecord | None:
    """Compare a configuration with the expected one, and open, renew or close the device's drift records; audited.

    Returns the record of what differs now, or None. Doing it twice changes nothing.
    """
    # Not against inserts that name the device: a lock for those would make running changes wait.
    device = Device.objects.select_for_update(no_key=True).get(pk=device_id)
    state, _is_new = ConfigState.objects.select_related("baseline__blob").get_or_create(device=device)
    found = ConfigSnapshot.objects.select_related("blob").get(pk=snapshot_id)
    platform = platform_for(device.platform)
    explained_by = _follow_changes(device, state, platform)
    finding = _Finding(device, platform, state, found, explained_by)
    _close_vanished(finding)
    if state.baseline is None:
        _set_baseline(state, found, BaselineOrigin.FIRST, "taken on trust")
        return None
    return _renew(finding, state.baseline, found)


def _follow_changes(device: Device, state: ConfigState, platform: Platform) -> str:
    """Take what change requests left behind as expected; returns the label of one that ended badly, or ""."""
    explained_by = ""
    for run in change_history().runs_after(device.pk, state.history_cursor):
        state.history_cursor = run.id
        if not run.trusted:
            explained_by = run.label
            continue
        snapshots = ConfigSnapshot.objects.select_related("blob").in_bulk([pk for pk in (run.before, run.after) if pk])
        before, after = snapshots.get(run.before or 0), snapshots.get(run.after or 0)
        if before is not None and state.baseline is not None:
            _renew(_Finding(device, platform, state, before, explained_by), state.baseline, before)
        if after is not None:
            _set_baseline(state, after, BaselineOrigin.CHANGE, run.label)
            explained_by = ""
    state.save(update_fields=["history_cursor"])
    return explained_by


def _set_baseline(state: ConfigState, snapshot: ConfigSnapshot, origin: BaselineOrigin, note: str) -> None:
    state.baseline, state.baseline_origin, state.baseline_note = snapshot, origin, note
    state.save(update_fields=["baseline", "baseline_origin", "baseline_note"])


def baseline_accept(drift: DriftRecord) -> None:
    """Make what a drift record found the expected configuration, unless a newer one is expected already."""
    states = ConfigState.objects.select_for_update(of=("self",)).select_related("baseline")
    state = states.get(device_id=drift.device_id)
    if state.baseline is None or state.baseline.pk < drift.found_id:
        _set_baseline(state, drift.found, BaselineOrigin.ACCEPTED, drift.number)


def _renew(finding: _Finding, baseline: ConfigSnapshot, found: ConfigSnapshot) -> DriftRecord | None:
    """The open record of what differs between the two, made or brought up to date; None when nothing does."""
    if baseline.blob_id == found.blob_id:
        return None
    changes = change_set(baseline.blob.text, found.blob.text, finding.platform)
    if not changes:
        return None
    known = DriftRecord.objects.open().select_related("found").filter(device=finding.device, baseline=baseline).first()
    if known is None:
        return _open(finding, baseline, found, changes)
    known.last_seen_at = timezone.now()
    classified = current_rules().classify(changes, finding.device.platform)
    if known.found.blob_id != found.blob_id or known.matches != matches_of(classified):
        _describe(known, found, changes, classified)
    known.save()
    if known.state == DriftState.REVERTING:
        label = change_history().failed_revert(known.pk)
        if label:
            reason = f"{label} has ended, and the drift is still there."
            drift_move(known, DriftEvent.REOPEN, actor=WORKER, reason=reason)
    return known


def _open(
    finding: _Finding, baseline: ConfigSnapshot, found: ConfigSnapshot, changes: frozenset[Change]
) -> DriftRecord:
    drift = DriftRecord(
        device=finding.device,
        baseline=baseline,
        explained_by=finding.explained_by,
        unauthorized=not finding.explained_by,
    )
    _describe(drift, found, changes, current_rules().classify(changes, finding.device.platform))
    drift.save()
    _audit(drift, "drift.found", actor=WORKER, state_to=DriftState.OPEN)
    return drift


def _describe(drift: DriftRecord, found: ConfigSnapshot, changes: frozenset[Change], classified: Classified) -> None:
    """Put what was found into the record. A drift that became critical comes back to review by itself."""
    graver = drift.pk and classified.drift_class == DriftClass.CRITICAL and drift.drift_class != DriftClass.CRITICAL
    drift.found = found
    drift.drift_class, drift.unclassified = classified.drift_class, classified.unclassified
    drift.matches = matches_of(classified)
    drift.changed_by = found.changed_by
    drift.lines_added = sum(change.op == "+" for change in changes)
    drift.lines_removed = sum(change.op == "-" for change in changes)
    if graver and drift.state == DriftState.DEFERRED:
        drift_move(drift, DriftEvent.FALL_DUE, actor=WORKER, reason="It has become critical.")
    elif drift.pk:
        _audit(drift, "drift.renewed", actor=WORKER, state_from=drift.state, state_to=drift.state)


def matches_of(classified: Classified) -> list[dict[str, object]]:
    """A classification as a record keeps it: sections masked, no lines."""
    scrub = Scrubber.load()
    return [
        {
            "rule": match.rule,
            "class": match.drift_class.value,
            "code": match.code,
            "section": scrub(match.section),
            "lines": match.lines,
        }
        for match in classified.matches[:MATCHES_KEPT]
    ]


def _close_vanished(finding: _Finding) -> None:
    """Close the records of which nothing is left on the device: reverted, by a change request or by hand."""
    records = DriftRecord.objects.open().filter(device=finding.device)
    for drift in records.select_for_update(of=("self",)).select_related("baseline__blob", "found__blob"):
        before = drift.baseline.blob.text
        was = change_set(before, drift.found.blob.text, finding.platform)
        if was.isdisjoint(change_set(before, finding.found.blob.text, finding.platform)):
            reason = "A backup shows that nothing of it is left on the device."
            drift_move(drift, DriftEvent.VANISH, actor=WORKER, reason=reason)


def drift_move(drift: DriftRecord, event: DriftEvent, *, actor: Actor, reason: str = "") -> None:
    """Move a locked record along its table and write the audit event; other changed fields are saved too.

    Raises:
        OutdatedError: the table has no such step. Nothing is written.
    """
    before = DriftState(drift.state)
    after = next_drift_state(before, event)
    if after is None:
        raise OutdatedError(f"{drift.number} is “{before.label}” now, so this cannot be done. Load the page again.")
    drift.state = after
    if after in {DriftState.ACCEPTED, DriftState.REVERTED}:
        drift.closed_at = timezone.now()
    drift.save()
    _audit(drift, _ACTIONS[event], actor=actor, reason=reason, state_from=before, state_to=after)


_ACTIONS = {
    DriftEvent.ACCEPT: "drift.accepted",
    DriftEvent.DEFER: "drift.deferred",
    DriftEvent.REVERT: "drift.revert_requested",
    DriftEvent.REOPEN: "drift.reopened",
    DriftEvent.FALL_DUE: "drift.fell_due",
    DriftEvent.VANISH: "drift.vanished",
}


def _audit(
    drift: DriftRecord, action: str, *, actor: Actor, reason: str = "", state_from: str = "", state_to: str = ""
) -> None:
    record(
        actor=actor,
        action=action,
        object_type="drift",
        object_id=drift.pk,
        object_label=f"{drift.number} {drift.device.name}",
        device_id=drift.device_id,
        state_from=state_from,
        state_to=state_to,
        code="DRIFT_UNCLASSIFIED" if drift.unclassified else "",
        reason=reason,
        details={
            "class": drift.drift_class,
            "unauthorized": drift.unauthorized,
            "changed_by": drift.changed_by,
            "explained_by": drift.explained_by,
            "baseline_sha256": drift.baseline.blob_id,
            "found_sha256": drift.found.blob_id,
            "added": drift.lines_added,
            "removed": drift.lines_removed,
        },
    )


@lru_cache(maxsize=4)
def _compiled(rules: tuple[Rule, ...]) -> Ruleset:
    return Ruleset(rules)


def rules_now() -> tuple[Rule, ...]:
    """The rules in force, in their order; one query."""
    return tuple(
        Rule(row.name, DriftClass(row.drift_class), row.pattern, tuple(row.platforms))
        for row in DriftRule.objects.filter(enabled=True)
    )


def current_rules() -> Ruleset:
    """The rules in force, compiled."""
    return _compiled(rules_now())


@transaction.atomic
def drift_fall_due() -> int:
    """Bring deferred drift back to review whose day has come; returns how many."""
    today = timezone.now().date()
    due = DriftRecord.objects.filter(state=DriftState.DEFERRED, deferred_until__lte=today)
    count = 0
    for drift in due.select_for_update(of=("self",), skip_locked=True).select_related("device", "baseline", "found")[
        :500
    ]:
        drift_move(drift, DriftEvent.FALL_DUE, actor=WORKER, reason="The day that it was deferred to has come.")
        count += 1
    return count
