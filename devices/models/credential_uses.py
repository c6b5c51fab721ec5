"""Which credential was fetched for which work on which device; never what it holds."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from devices.models.inventory import Device


class CredentialUse(models.Model):
    """All retrievals of one credential for one device in one piece of work, counted. No value is ever here.

    ``code`` is empty where the credential was delivered. ``reported`` of the ``count`` retrievals are in the audit log.
    """

    credential = models.CharField(max_length=100, blank=True, help_text="Name; empty where no rule gave one.")
    purpose = models.CharField(max_length=5, choices=[("read", "Read"), ("write", "Write")])
    occasion = models.CharField(
        max_length=10,
        choices=[
            ("plan", "Planning"),
            ("run", "Execution"),
            ("backup", "Backup"),
            ("check", "Check"),
            ("other", "Not declared"),
        ],
    )
    occasion_key = models.BigIntegerField(default=0, help_text="Key of the plan revision, run or backup run.")
    change_key = models.BigIntegerField(null=True, blank=True)
    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="credential_uses")
    provider = models.CharField(max_length=20, blank=True)
    version = models.CharField(max_length=40, blank=True)
    changed_at = models.DateTimeField(null=True, blank=True, help_text="When this version was written, where known.")
    worker = models.CharField(max_length=100, help_text="Host and process that fetched it last.")
    unusual = models.BooleanField(default=False)
    code = models.CharField(max_length=40, blank=True)
    count = models.PositiveIntegerField(default=1)
    reported = models.PositiveIntegerField(default=0)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["occasion", "occasion_key", "credential", "purpose", "device", "code"],
                name="credential_use_once_per_work",
            )
        ]
        indexes = [
            models.Index(fields=["credential", "purpose", "-last_at"], name="credential_use_newest"),
            models.Index(
                fields=["occasion", "occasion_key"],
                name="credential_use_unreported",
                condition=Q(reported__lt=F("count")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.credential} ({self.purpose}) {self.occasion} {self.occasion_key}"
