"""The decisions that sign a plan."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from changes.models.plans import PlanRevision
from changes.models.requests import ChangeRequest


class Decision(models.TextChoices):
    """What a reviewer decided."""

    APPROVED = "approved", "Approved"
    CHANGES_REQUESTED = "changes_requested", "Asked for changes"
    REJECTED = "rejected", "Rejected"
    ABSTAINED = "abstained", "Abstained"


class Approval(models.Model):
    """One reviewer's decision on one plan revision, naming the digest that they saw."""

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
