"""Runs: the execution of approved plans, device by device and step by step."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from changes.domain.run_states import (
    DEVICE_ACTIVE,
    DEVICE_ENDED,
    WAVE_ENDED,
    DeviceRunState,
    Goal,
    RunOutcome,
    RunState,
    WaveState,
)
from changes.domain.strategy import InFlight
from changes.models.plans import DevicePlan, PlanRevision
from changes.models.requests import ChangeRequest
from devices.models import ConfigSnapshot, Device
from devices.models.claims import Claimable

BUSY_DEVICE_RUN_STATES = sorted(state.value for state in DEVICE_ACTIVE)
ENDED_DEVICE_RUN_STATES = sorted(state.value for state in DEVICE_ENDED)
ENDED_WAVE_STATES = sorted(state.value for state in WAVE_ENDED)
HELD_DEVICE_RUN_STATES = sorted(state.value for state in DEVICE_ACTIVE - {DeviceRunState.RECONCILING})


class Watched(models.Model):
    """A row that live pages follow: a trigger notes the transaction that last changed what people see of it.

    Never written by the product itself. Compared with a snapshot of PostgreSQL's, it tells exactly which rows a reader
    has not seen yet, whatever the order in which transactions are committed (:mod:`changes.services.run_watching`).
    """

    moved_xid = models.BigIntegerField(null=True, editable=False)

    class Meta:
        abstract = True


class Run(Watched):
    """One execution of an approved plan."""

    change = models.ForeignKey(ChangeRequest, on_delete=models.PROTECT, related_name="runs")
    revision = models.ForeignKey(PlanRevision, on_delete=models.PROTECT, related_name="runs")
    plan_digest = models.CharField(max_length=64)
    state = models.CharField(max_length=14, choices=RunState.choices(), default=RunState.PENDING.value)
    outcome = models.CharField(max_length=14, choices=RunOutcome.choices(), blank=True)
    device_count = models.PositiveIntegerField()
    max_parallel = models.PositiveSmallIntegerField(default=20)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    implementers = models.ManyToManyField(
        settings.AUTH_USER_MODEL, related_name="+", help_text="Who resumed it, besides who started it."
    )
    started_at = models.DateTimeField(db_default=Now())
    rung_at = models.DateTimeField(null=True, blank=True, help_text="When workers were last called.")
    strategy = models.JSONField(default=dict, help_text="From the signed plan.")
    stop_after_wave = models.BooleanField(default=False, help_text="Somebody asked to open no further wave.")
    abort = models.CharField(
        max_length=10, choices=InFlight.choices(), blank=True, help_text="How devices in flight end, once aborted."
    )
    failures_accepted = models.PositiveIntegerField(
        default=0, help_text="Failures that there were when somebody resumed beyond the budget."
    )
    code = models.CharField(max_length=40, blank=True, help_text="Why it is paused, or was aborted.")
    detail = models.TextField(blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["change"], condition=~Q(state=RunState.ENDED.value), name="one_open_run_per_change"
            )
        ]
        indexes = [models.Index(fields=["ended_at"], condition=Q(ended_at__isnull=False), name="run_by_end")]

    def __str__(self) -> str:
        return f"run {self.pk} of {self.change_id}"


class Wave(Watched):
    """A group of devices that is executed together; the next opens when this one has held."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="waves")
    number = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=60)
    state = models.CharField(max_length=10, choices=WaveState.choices(), default=WaveState.PENDING.value)
    opened_at = models.DateTimeField(null=True, blank=True)
    worked_at = models.DateTimeField(null=True, blank=True, help_text="When its last device had ended.")
    judged_at = models.DateTimeField(null=True, blank=True, help_text="When it had shown what was asked for.")
    gate_until = models.DateTimeField(null=True, blank=True, help_text="A person has to decide before this time.")
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    code = models.CharField(max_length=40, blank=True)
    detail = models.TextField(blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["run_id", "number"]
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="one_wave_per_number")]
        indexes = [models.Index(fields=["run"], condition=models.Q(state="waiting"), name="wave_waiting")]

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


class DeviceRun(Claimable, Watched):
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
    backout_sent = models.PositiveIntegerField(
        default=0, help_text="Lines of the way back, in the present attempt; a replacement counts as one."
    )
    backout_applied = models.PositiveIntegerField(default=0, help_text="Those that the device acknowledged.")
    goal = models.CharField(max_length=10, choices=Goal.choices(), default=Goal.APPLY.value)
    goal_step = models.PositiveSmallIntegerField(default=0, help_text="The last step before this goal was set.")
    rollback_from = models.ForeignKey(
        ConfigSnapshot,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="The configuration that the change had led to, when a rollback was ordered.",
    )
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
            models.CheckConstraint(
                condition=Q(backout_applied__lte=F("backout_sent")), name="applied_backout_lines_were_sent"
            ),
        ]
        indexes = [
            models.Index(
                fields=["run", "id"],
                condition=~Q(state__in=ENDED_DEVICE_RUN_STATES),
                name="device_run_open",
            ),
            models.Index(fields=["run"], condition=Q(owner__isnull=False), name="device_run_held"),
            models.Index(
                fields=["run"],
                condition=Q(lines_sent__gt=0) & (Q(before=None) | Q(after=None)),
                name="device_run_without_proof",
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
