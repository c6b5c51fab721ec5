"""The risk of changes as it was assessed, what people answered about it, and the levels that they set."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from changes.domain.risk.levels import RiskLevel
from changes.models.plans import PlanRevision
from changes.models.requests import ChangeRequest


class RiskAnswer(models.Model):
    """What a person answered to the question about one missing fact of a plan. The newest of a fact counts."""

    change = models.ForeignKey(ChangeRequest, on_delete=models.PROTECT, related_name="risk_answers")
    revision = models.ForeignKey(PlanRevision, on_delete=models.PROTECT, related_name="risk_answers")
    plan_digest = models.CharField(max_length=64)
    fact = models.CharField(max_length=40)
    answer = models.CharField(max_length=40)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    answered_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.fact}: {self.answer}"


class RiskOverride(models.Model):
    """A level that a person set in place of the computed one of the plan with this digest."""

    change = models.ForeignKey(ChangeRequest, on_delete=models.PROTECT, related_name="risk_overrides")
    revision = models.ForeignKey(PlanRevision, on_delete=models.PROTECT, related_name="risk_overrides")
    plan_digest = models.CharField(max_length=64)
    level = models.CharField(max_length=10, choices=RiskLevel.choices())
    computed = models.CharField(max_length=10, choices=RiskLevel.choices())
    reason = models.TextField(blank=True)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    set_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.level} instead of {self.computed}"


class RiskAssessment(models.Model):
    """The risk of one plan at one moment. It is never edited: what changes the risk adds another row.

    ``facts`` with the weights of version ``weights`` give ``result`` again, to the letter. ``computed`` is the level of
    the score, ``level`` the one that holds: with the override, where one stands.
    """

    change = models.ForeignKey(ChangeRequest, on_delete=models.PROTECT, related_name="risk_assessments")
    revision = models.ForeignKey(PlanRevision, on_delete=models.PROTECT, related_name="risk_assessments")
    plan_digest = models.CharField(max_length=64)
    weights = models.CharField(max_length=20)
    facts = models.JSONField()
    result = models.JSONField(help_text="The components, each with its points and reason.")
    score = models.PositiveSmallIntegerField()
    computed = models.CharField(max_length=10, choices=RiskLevel.choices())
    level = models.CharField(max_length=10, choices=RiskLevel.choices())
    override = models.ForeignKey(RiskOverride, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    assessed_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["revision", "-id"], name="risk_by_revision")]

    def __str__(self) -> str:
        return f"{self.level} risk of {self.revision_id}"
