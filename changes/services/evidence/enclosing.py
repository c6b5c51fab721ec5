"""What stands beside the events in a pack: plans, demands, approvals, transcripts and configurations of a change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from changes.domain.canonical import canonical_json
from changes.models import Approval, ChangeRequest, DevicePlan, DeviceRun, PlanRevision, RunStep
from changes.services.evidence.archive import Archive, Written
from devices.services.scrubbing import Scrubber

ROWS_AT_ONCE: Final = 50


@dataclass
class Enclosure:
    """Writes the files of changes into an archive; ``written`` and ``changes`` are for the manifest."""

    archive: Archive
    scrub: Scrubber
    between: Callable[[], None]
    written: list[Written] = field(default_factory=list)
    changes: dict[str, Any] = field(default_factory=dict)

    def add(self, path: str, data: bytes) -> str:
        """Write one file and say that the worker lives; its path."""
        self.written.append(self.archive.add(path, data))
        self.between()
        return path

    def change(self, change_id: int, revisions: dict[int, str]) -> None:
        """All that belongs to one change, as far as the enclosed events go."""
        change = ChangeRequest.objects.get(pk=change_id)
        folder = f"changes/{change.number}"
        told = [self._revision(folder, row, revisions[row.pk]) for row in _revisions(revisions)]
        self.changes[str(change_id)] = {"number": change.number, "revisions": told}
        self.add(f"{folder}/approvals.json", canonical_json(self._approvals(change)))
        for device_run in _device_runs(change_id):
            self._device_run(f"{folder}/run-{device_run.run_id}/device-run-{device_run.pk}", device_run)

    def _revision(self, folder: str, revision: PlanRevision, digest: str) -> dict[str, Any]:
        own = f"{folder}/revision-{revision.number}"
        devices = [
            {"file": self.add(f"{own}/devices/{plan.position:05d}.json", plan.payload.encode()), "digest": plan.digest}
            for plan in DevicePlan.objects.filter(revision=revision).order_by("position").iterator(ROWS_AT_ONCE)
        ]
        told: dict[str, Any] = {"id": revision.pk, "number": revision.number, "digest": digest, "devices": devices}
        if revision.demand is not None:
            told["demand"] = self.add(f"{own}/demand.json", canonical_json(revision.demand))
        return told

    def _approvals(self, change: ChangeRequest) -> list[dict[str, Any]]:
        rows = Approval.objects.filter(change=change).select_related("approver", "on_behalf_of", "revision")
        return [
            {
                "id": row.pk,
                "revision": row.revision.number,
                "stage": row.stage,
                "decision": row.decision,
                "approver": row.approver.get_username(),
                "on_behalf_of": row.on_behalf_of.get_username() if row.on_behalf_of else None,
                "group": row.group,
                "plan_digest": row.plan_digest,
                "carried_from": row.carried_from,
                "comment": self.scrub.prose(row.comment),
                "given_at": row.created_at.isoformat(),
                "voided_at": row.voided_at.isoformat() if row.voided_at else None,
                "void_cause": row.void_cause,
            }
            for row in rows.order_by("pk")
        ]

    def _device_run(self, folder: str, row: DeviceRun) -> None:
        for step in RunStep.objects.filter(device_run=row).order_by("sequence").iterator(ROWS_AT_ONCE):
            if step.transcript:
                name = f"{folder}/transcript-{step.sequence:02d}-{step.name}.txt"
                self.add(name, self.scrub(step.transcript).encode())
        for name, snapshot in (("before", row.before), ("after", row.after)):
            if snapshot is not None:
                self.add(f"{folder}/config-{name}.txt", self.scrub(snapshot.blob.text).encode())


def _revisions(chosen: dict[int, str]) -> Iterator[PlanRevision]:
    return PlanRevision.objects.filter(pk__in=chosen).order_by("number").iterator(ROWS_AT_ONCE)


def _device_runs(change_id: int) -> Iterator[DeviceRun]:
    rows = DeviceRun.objects.filter(run__change=change_id).select_related("before__blob", "after__blob")
    return rows.order_by("pk").iterator(ROWS_AT_ONCE)
