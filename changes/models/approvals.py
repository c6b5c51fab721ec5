"""The decisions that sign a plan."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from changes.models.plans import PlanRevision
from changes.models.requests import ChangeRequest


class Decision(models.TextChoices):
    """What a reviewer decided."""

    APPROVED = "approved", "Approved"
    CHANGES_REQUESTED = "changes_requested", "Asked for changes"
    REJECTED = "rejected", "Rejected"
    ABSTAINED = "abstained", "Abstained"


class VoidCause(models.TextChoices):
    """Why a decision no longer counts."""

    RETURNED = "returned", "The change or its plan went back to its author"
    WITHDRAWN = "withdrawn", "Its author withdrew it"
    POLICY = "policy", "The policy asks more by now"
    LAPSED = "lapsed", "Its time was over, and the person decided again"


class Approval(models.Model):
    """One reviewer's decision on one plan revision, naming the digest that they saw.

    The database keeps it as it was made: it can be voided once, and neither be changed nor be removed. It refuses
    decisions by who wrote, edited or implemented the change, and second ones. ``created_at`` of one that was carried
    over is when it was given.
    """

    change = models.ForeignKey(ChangeRequest, on_delete=models.PROTECT, related_name="approvals")
    revision = models.ForeignKey(PlanRevision, on_delete=models.PROTECT, related_name="approvals")
    stage = models.CharField(max_length=40)
    decision = models.CharField(max_length=20, choices=Decision.choices)
    approver = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    group = models.CharField(max_length=150, blank=True, help_text="The group by whose right it was given.")
    on_behalf_of = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="The absent member for whom the approver decided.",
    )
    plan_digest = models.CharField(max_length=64)
    carried_from = models.CharField(
        max_length=64, blank=True, help_text="The plan digest that the approver saw, where it was carried over."
    )
    comment = models.TextField(blank=True)
    created_at = models.DateTimeField(db_default=Now())
    voided_at = models.DateTimeField(null=True, blank=True)
    void_cause = models.CharField(max_length=12, choices=VoidCause.choices, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["revision", "approver"],
                condition=Q(voided_at=None),
                name="one_decision_per_person_and_revision",
            ),
            models.UniqueConstraint(
                fields=["revision", "on_behalf_of"],
                condition=Q(voided_at=None),
                name="one_decision_per_absent_member_and_revision",
            ),
            models.CheckConstraint(
                condition=Q(on_behalf_of=None) | ~Q(on_behalf_of=F("approver")), name="nobody_is_their_own_delegate"
            ),
            models.CheckConstraint(condition=Q(plan_digest__regex=r"^[0-9a-f]{64}$"), name="approval_names_a_digest"),
        ]
        indexes = [models.Index(fields=["created_at"], name="approval_by_time")]

    def __str__(self) -> str:
        return f"{self.stage} {self.decision} by {self.approver_id}"
