"""Plans: the exact bytes that people approve, and who has read them."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from changes.domain.plan import DevicePayload
from changes.domain.states import DevicePlanState, PlanState
from changes.models.requests import ChangeRequest
from devices.models import ConfigSnapshot, Device
from devices.models.claims import Claimable


class PlanRevision(models.Model):
    """One plan of a change: frozen inputs, one :class:`DevicePlan` per target, one digest."""

    change = models.ForeignKey(ChangeRequest, on_delete=models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=12, choices=PlanState.choices(), default=PlanState.BUILDING.value)
    inputs = models.JSONField(help_text="Content, variables, checks and strategy as they were planned.")
    facts = models.JSONField(null=True, help_text="What planning found out, as approval policies ask for it.")
    demand = models.JSONField(null=True, help_text="What the approval policy asked when the change was submitted.")
    demand_digest = models.CharField(
        max_length=64, blank=True, help_text="SHA-256 of the canonical demand; it stands in the audit event as well."
    )
    judged_by = models.CharField(max_length=64, blank=True, help_text="Digest of the policy that judged it last.")
    policy_version = models.CharField(max_length=60)
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


class DevicePlan(Claimable):
    """What will be sent to one device, and everything that the approval signs about it.

    ``payload`` holds the exact canonical bytes; ``digest`` is their SHA-256. Commands, diff and backout are
    read from the payload alone, so what is shown, what is signed and what is executed cannot differ.
    """

    revision = models.ForeignKey(PlanRevision, on_delete=models.CASCADE, related_name="device_plans")
    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="plans")
    position = models.PositiveIntegerField(help_text="Order of the leaf in the Merkle tree.")
    wave = models.PositiveSmallIntegerField(default=1, help_text="The wave of its run, counted from 1; it is signed.")
    state = models.CharField(max_length=12, choices=DevicePlanState.choices(), default=DevicePlanState.PENDING.value)
    code = models.CharField(max_length=40, blank=True)
    detail = models.TextField(blank=True)
    payload = models.TextField(blank=True)
    digest = models.CharField(max_length=64, blank=True)
    baseline = models.ForeignKey(ConfigSnapshot, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    diff_source = models.CharField(max_length=12, blank=True, help_text="estimate or device.")
    diff_group = models.CharField(max_length=64, blank=True, help_text="Equal where the diffs are identical.")
    rules = models.CharField(
        max_length=64, blank=True, help_text="Fingerprint of the rules by which the target was estimated."
    )
    lines_added = models.PositiveIntegerField(default=0)
    lines_removed = models.PositiveIntegerField(default=0)
    warnings = models.JSONField(default=list, blank=True)
    kinds = ArrayField(
        models.CharField(max_length=20), default=list, blank=True, help_text="The kinds of content that it touches."
    )
    new_addresses = ArrayField(
        models.CharField(max_length=150), default=list, blank=True, help_text="What it adds, each as “VRF address”."
    )
    unprotected = models.BooleanField(
        null=True, help_text="Whether the device keeps the change when the session is lost; empty: not planned."
    )
    rollback = models.CharField(max_length=10, blank=True, help_text="How good its way back is, in the risk's words.")
    gates = models.JSONField(default=list, blank=True, help_text="The pre-check ladder when the device was planned.")

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
