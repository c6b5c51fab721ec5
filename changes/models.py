"""Change requests, their plans, the approvals that sign them, and the runs that execute them.

States live in :mod:`changes.domain.states`; only the services move them.
"""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from changes.domain.plan import DevicePayload
from changes.domain.states import (
    DEVICE_ACTIVE,
    DEVICE_ENDED,
    ChangeState,
    ChangeType,
    CloseCode,
    DevicePlanState,
    DeviceRunState,
    PlanState,
    RunOutcome,
    RunState,
)
from devices.models import ConfigSnapshot, Device

# Sorted, so that the migrations' constraints are the same on every run.
BUSY_DEVICE_RUN_STATES = sorted(state.value for state in DEVICE_ACTIVE)
ENDED_DEVICE_RUN_STATES = sorted(state.value for state in DEVICE_ENDED)
HELD_DEVICE_RUN_STATES = sorted(state.value for state in DEVICE_ACTIVE - {DeviceRunState.RECONCILING})


class ChangeQuerySet(models.QuerySet["ChangeRequest"]):
    """States of the world for change requests."""

    def awaiting_assessment(self) -> Self:
        """Changes that a technical peer has to assess."""
        return self.filter(state=ChangeState.ASSESSMENT)

    def awaiting_approval(self) -> Self:
        """Changes that the CAB has to decide."""
        return self.filter(state=ChangeState.AUTHORIZATION)

    def awaiting_close(self) -> Self:
        """Changes whose run has ended and that a change manager has to close."""
        return self.filter(state=ChangeState.REVIEW)

    def with_people(self) -> Self:
        """With what a list shows: author and current revision, in the same query."""
        return self.select_related("author", "revision")


class ChangeRequest(models.Model):
    """A change request: what is wanted, where, why, and how far it has come."""

    title = models.CharField(max_length=200)
    reason = models.TextField(help_text="Why the change is needed.")
    type = models.CharField(max_length=20, choices=ChangeType.choices(), default=ChangeType.NORMAL.value)
    state = models.CharField(max_length=20, choices=ChangeState.choices(), default=ChangeState.DRAFT.value)
    on_hold = models.BooleanField(default=False)
    content = models.TextField(help_text="Configuration text in Jinja2.")
    variables = models.JSONField(default=dict, blank=True)
    targets = models.JSONField(default=dict, help_text='{"device_ids": […]} or {"filter": {…}}.')
    checks = models.JSONField(default=dict, blank=True, help_text='{"pre": […], "post": […]}.')
    strategy = models.JSONField(default=dict, blank=True)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="changes")
    last_editor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    editors = models.ManyToManyField(
        settings.AUTH_USER_MODEL, related_name="+", help_text="Everybody who wrote a part of this change."
    )
    version = models.PositiveIntegerField(default=1, help_text="Counts edits; a stale edit is refused.")
    revision = models.ForeignKey("PlanRevision", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    close_code = models.CharField(max_length=30, choices=CloseCode.choices(), blank=True)
    close_note = models.TextField(blank=True)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(auto_now=True)
    submitted_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    objects = ChangeQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["state", "-id"], name="change_by_state"),
            models.Index(fields=["author", "-id"], name="change_by_author"),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.title}"

    @property
    def number(self) -> str:
        """The number people say: ``CHG-00042``."""
        return f"CHG-{self.pk:05d}"


class PlanRevision(models.Model):
    """One plan of a change: frozen inputs, one :class:`DevicePlan` per target, one digest."""

    change = models.ForeignKey(ChangeRequest, on_delete=models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=12, choices=PlanState.choices(), default=PlanState.BUILDING.value)
    inputs = models.JSONField(help_text="Content, variables, checks and strategy as they were planned.")
    policy_version = models.CharField(max_length=40)
    digest = models.CharField(max_length=64, blank=True, help_text="RFC 6962 Merkle root, hex.")
    code = models.CharField(max_length=40, blank=True)
    detail = models.TextField(blank=True)
    device_count = models.PositiveIntegerField()
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    rung_at = models.DateTimeField(null=True, blank=True, help_text="When workers were last called.")
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["change_id", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["change", "number"], name="one_revision_per_number"),
            models.CheckConstraint(
                condition=~Q(state=PlanState.READY.value) | Q(digest__regex=r"^[0-9a-f]{64}$"),
                name="ready_plan_has_a_digest",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.change_id} r{self.number}"


class Claimable(models.Model):
    """A row that exactly one worker may work on at a time.

    A claim sets ``owner``, raises ``fence`` and sets ``lease_until``; each later write names both, so that
    a worker that lost its lease can no longer write. ``not_before`` delays the next attempt.
    """

    owner = models.UUIDField(null=True, blank=True)
    fence = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    losses = models.PositiveSmallIntegerField(default=0, help_text="Workers lost on this row, one after the other.")
    not_before = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True


class DevicePlan(Claimable):
    """What will be sent to one device, and everything that the approval signs about it.

    ``payload`` holds the exact canonical bytes; ``digest`` is their SHA-256. Commands, diff and backout are
    read from the payload alone, so what is shown, what is signed and what is executed cannot differ.
    """

    revision = models.ForeignKey(PlanRevision, on_delete=models.CASCADE, related_name="device_plans")
    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="plans")
    position = models.PositiveIntegerField(help_text="Order of the leaf in the Merkle tree.")
    state = models.CharField(max_length=12, choices=DevicePlanState.choices(), default=DevicePlanState.PENDING.value)
    code = models.CharField(max_length=40, blank=True)
    detail = models.TextField(blank=True)
    payload = models.TextField(blank=True)
    digest = models.CharField(max_length=64, blank=True)
    baseline = models.ForeignKey(ConfigSnapshot, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    diff_source = models.CharField(max_length=12, blank=True, help_text="estimate or device.")
    diff_group = models.CharField(max_length=64, blank=True, help_text="Equal where the diffs are identical.")
    lines_added = models.PositiveIntegerField(default=0)
    lines_removed = models.PositiveIntegerField(default=0)
    warnings = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ["revision_id", "position"]
        constraints = [
            models.UniqueConstraint(fields=["revision", "device"], name="one_plan_per_device"),
            models.UniqueConstraint(fields=["revision", "position"], name="one_leaf_per_position"),
        ]
        indexes = [models.Index(fields=["device", "-id"], name="plan_by_device")]

    def __str__(self) -> str:
        return f"plan {self.revision_id}/{self.position}"

    @property
    def content(self) -> DevicePayload:
        """The payload, parsed strictly.

        Raises:
            PayloadError: the stored bytes are not a canonical payload.
        """
        return DevicePayload.from_bytes(self.payload.encode())


class PlanOpening(models.Model):
    """A person opened a plan; nobody approves a plan that they have not opened."""

    revision = models.ForeignKey(PlanRevision, on_delete=models.CASCADE, related_name="openings")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    opened_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["revision", "person"], name="one_opening_per_person")]

    def __str__(self) -> str:
        return f"{self.person_id} opened {self.revision_id}"


class ViewedMark(models.Model):
    """A reviewer's "viewed" mark on one device's plan; it counts while that plan's digest is the same."""

    change = models.ForeignKey(ChangeRequest, on_delete=models.CASCADE, related_name="viewed_marks")
    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="+")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64)
    viewed_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["change", "device", "person"], name="one_viewed_mark_per_person")
        ]

    def __str__(self) -> str:
        return f"{self.person_id} viewed {self.device_id}"


class Decision(models.TextChoices):
    """What a reviewer decided."""

    APPROVED = "approved", "Approved"
    CHANGES_REQUESTED = "changes_requested", "Asked for changes"
    REJECTED = "rejected", "Rejected"


class Approval(models.Model):
    """One reviewer's decision on one plan revision, naming the digest that they saw."""

    change = models.ForeignKey(ChangeRequest, on_delete=models.PROTECT, related_name="approvals")
    revision = models.ForeignKey(PlanRevision, on_delete=models.PROTECT, related_name="approvals")
    stage = models.CharField(max_length=40)
    decision = models.CharField(max_length=20, choices=Decision.choices)
    approver = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    plan_digest = models.CharField(max_length=64)
    comment = models.TextField(blank=True)
    created_at = models.DateTimeField(db_default=Now())
    voided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["revision", "approver"],
                condition=Q(voided_at=None),
                name="one_decision_per_person_and_revision",
            ),
            models.CheckConstraint(condition=Q(plan_digest__regex=r"^[0-9a-f]{64}$"), name="approval_names_a_digest"),
        ]

    def __str__(self) -> str:
        return f"{self.stage} {self.decision} by {self.approver_id}"


class Run(models.Model):
    """One execution of an approved plan."""

    change = models.ForeignKey(ChangeRequest, on_delete=models.PROTECT, related_name="runs")
    revision = models.ForeignKey(PlanRevision, on_delete=models.PROTECT, related_name="runs")
    plan_digest = models.CharField(max_length=64)
    state = models.CharField(max_length=14, choices=RunState.choices(), default=RunState.PENDING.value)
    outcome = models.CharField(max_length=14, choices=RunOutcome.choices(), blank=True)
    device_count = models.PositiveIntegerField()
    max_parallel = models.PositiveSmallIntegerField(default=20)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    started_at = models.DateTimeField(db_default=Now())
    rung_at = models.DateTimeField(null=True, blank=True, help_text="When workers were last called.")
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["change"], condition=~Q(state=RunState.ENDED.value), name="one_open_run_per_change"
            )
        ]

    def __str__(self) -> str:
        return f"run {self.pk} of {self.change_id}"


class Wave(models.Model):
    """A group of devices that is executed together; the next opens when this one has held."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="waves")
    number = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=60)
    opened_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["run_id", "number"]
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="one_wave_per_number")]

    def __str__(self) -> str:
        return self.name


class DeviceRunQuerySet(models.QuerySet["DeviceRun"]):
    """States of the world for device runs."""

    def busy(self) -> Self:
        """Somebody holds, or held, the device."""
        return self.filter(state__in=BUSY_DEVICE_RUN_STATES)

    def ended(self) -> Self:
        """Nothing more will happen on the device."""
        return self.filter(state__in=ENDED_DEVICE_RUN_STATES)

    def open(self) -> Self:
        """Not ended."""
        return self.exclude(state__in=ENDED_DEVICE_RUN_STATES)

    def lease_expired(self) -> Self:
        """Claimed by a worker that stopped renewing its lease, or in the middle of a step with nobody at work."""
        abandoned = Q(owner__isnull=True, state__in=HELD_DEVICE_RUN_STATES)
        return self.open().filter(abandoned | Q(owner__isnull=False, lease_until__lt=Now()))


class DeviceRun(Claimable):
    """The execution of one device's plan."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="device_runs")
    wave = models.ForeignKey(Wave, on_delete=models.CASCADE, related_name="device_runs")
    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="runs")
    device_plan = models.ForeignKey(DevicePlan, on_delete=models.PROTECT, related_name="runs")
    plan_digest = models.CharField(max_length=64, help_text="The approved digest of this device's plan.")
    state = models.CharField(max_length=18, choices=DeviceRunState.choices(), default=DeviceRunState.PENDING.value)
    code = models.CharField(max_length=40, blank=True)
    detail = models.TextField(blank=True)
    lines_sent = models.PositiveIntegerField(default=0, help_text="Recorded before each line is sent.")
    lines_applied = models.PositiveIntegerField(default=0, help_text="Acknowledged by the device.")
    drift = models.CharField(max_length=12, blank=True, help_text="same, unrelated or overlapping.")
    before = models.ForeignKey(ConfigSnapshot, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    after = models.ForeignKey(ConfigSnapshot, null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    objects = DeviceRunQuerySet.as_manager()

    class Meta:
        ordering = ["run_id", "wave_id", "id"]
        constraints = [
            models.UniqueConstraint(fields=["run", "device"], name="one_run_per_device"),
            models.UniqueConstraint(
                fields=["device"],
                condition=Q(state__in=BUSY_DEVICE_RUN_STATES),
                name="one_busy_run_per_device",
            ),
            models.CheckConstraint(condition=Q(lines_applied__lte=F("lines_sent")), name="applied_lines_were_sent"),
        ]
        indexes = [
            models.Index(
                fields=["run", "id"],
                condition=~Q(state__in=ENDED_DEVICE_RUN_STATES),
                name="device_run_open",
            ),
        ]

    def __str__(self) -> str:
        return f"device run {self.pk}"


class StepOutcome(models.TextChoices):
    """How a step ended; empty while it is under way."""

    OK = "ok", "Done"
    FAILED = "failed", "Failed"
    LOST = "lost", "Lost with its worker"


class RunStep(models.Model):
    """One step of a device run: written before it is taken, and again when it ended."""

    device_run = models.ForeignKey(DeviceRun, on_delete=models.CASCADE, related_name="steps")
    sequence = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=18, choices=DeviceRunState.choices())
    fence = models.PositiveIntegerField()
    intent_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=8, choices=StepOutcome.choices, blank=True)
    code = models.CharField(max_length=40, blank=True)
    detail = models.TextField(blank=True)
    data = models.JSONField(default=dict, blank=True, help_text="What the step found, without secrets.")
    transcript = models.TextField(blank=True, help_text="The session, redacted.")

    class Meta:
        ordering = ["device_run_id", "sequence"]
        constraints = [models.UniqueConstraint(fields=["device_run", "sequence"], name="one_step_per_sequence")]

    def __str__(self) -> str:
        return f"{self.device_run_id}.{self.sequence} {self.name}"
