"""Which approval stage of which change is open now: a table for inboxes, derived from demand and decisions."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from changes.models.requests import ChangeRequest


class OpenStage(models.Model):
    """The stage of a change in review that lacks approvals, once for each group whose approval it can use.

    Only :func:`changes.services.open_stages.open_stages_settle` writes it. It gives nobody a right: services judge
    every decision by the rows it is derived from.
    """

    change = models.ForeignKey(ChangeRequest, on_delete=models.CASCADE, related_name="open_stages")
    stage = models.CharField(max_length=40)
    event = models.CharField(max_length=20, help_text="The step that its last approval takes.")
    group = models.CharField(max_length=150)
    needed = models.PositiveSmallIntegerField(help_text="How many approvals the stage still lacks.")
    quorum = models.PositiveSmallIntegerField()
    since = models.DateTimeField(db_default=Now(), help_text="Since when the stage is open.")
    delegates = ArrayField(
        models.CharField(max_length=150), default=list, blank=True, help_text="Groups that may act for the absent."
    )
    closed_to = ArrayField(
        models.IntegerField(),
        default=list,
        blank=True,
        help_text="Accounts that cannot decide in it: they have a hand in the change, or have decided about its plan.",
    )
    until = models.DateTimeField(
        null=True, blank=True, help_text="When the next approval of the revision expires, and this is asked again."
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["change", "group"], name="one_open_stage_for_a_group")]
        indexes = [
            models.Index(fields=["group", "change"], name="open_stage_by_group"),
            models.Index(fields=["until"], condition=models.Q(until__isnull=False), name="open_stage_by_expiry"),
        ]

    def __str__(self) -> str:
        return f"{self.stage} of {self.change_id} waits for {self.group}"
