"""Reports with their figures as they were when the report was made. The database lets nobody change or remove one."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from changes.domain.reports.periods import ReportKind


class Report(models.Model):
    """A weekly, monthly or quarterly report: its period, and its figures as canonical JSON with their SHA-256.

    What pages, PDF and API show is read from ``body`` alone. A later edition of the same period stands beside it.
    """

    kind = models.CharField(max_length=10, choices=ReportKind.choices())
    starts_on = models.DateField()
    ends_on = models.DateField(help_text="The day after the last one.")
    edition = models.PositiveSmallIntegerField(default=1)
    body = models.TextField(help_text="Canonical JSON.")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the body's UTF-8 bytes, hex.")
    emergencies = models.PositiveIntegerField(default=0, help_text="Emergency changes in the period.")
    reason = models.TextField(blank=True, help_text="Why a further edition was made.")
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Empty: the schedule.",
    )
    made_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "starts_on", "edition"], name="one_report_per_edition"),
            models.CheckConstraint(condition=Q(starts_on__lt=F("ends_on")), name="report_period_has_days"),
            models.CheckConstraint(condition=Q(digest__regex=r"^[0-9a-f]{64}$"), name="report_has_a_digest"),
            models.CheckConstraint(condition=Q(edition=1) | ~Q(reason=""), name="report_edition_has_a_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} report from {self.starts_on}, edition {self.edition}"
