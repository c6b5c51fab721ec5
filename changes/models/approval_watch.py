"""What time has to do about approvals, and when."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from changes.models.plans import PlanRevision
from changes.models.requests import ChangeRequest


class ApprovalWatch(models.Model):
    """The open stage of a change in review, and the moment at which somebody is to be told of it or time is over.

    Of an approved change ``stage`` is empty: then only the expiry of its approvals is waited for. The row gives nobody
    a right and approves nothing; it is made again where it is missing.
    """

    change = models.OneToOneField(ChangeRequest, on_delete=models.CASCADE, related_name="approval_watch")
    revision = models.ForeignKey(PlanRevision, on_delete=models.CASCADE, related_name="+")
    stage = models.CharField(max_length=40, blank=True)
    opened_at = models.DateTimeField()
    reminded_at = models.DateTimeField(null=True, blank=True)
    escalated_at = models.DateTimeField(null=True, blank=True)
    look_at = models.DateTimeField(null=True, blank=True, help_text="When something is due; empty: nothing will be.")

    class Meta:
        indexes = [
            models.Index(fields=["look_at"], condition=Q(look_at__isnull=False), name="approval_watch_due"),
        ]

    def __str__(self) -> str:
        return f"{self.stage or 'expiry'} of {self.change_id}"
