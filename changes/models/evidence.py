"""Evidence packs: what was asked for, how far it is, and the archive itself, in parts."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from changes.domain.evidence import PackScope, PackState
from changes.models.requests import ChangeRequest
from devices.models.claims import Claimable


class EvidencePack(Claimable):
    """An archive about a change, a choice of events or the whole log, that is checked offline by ``verify.py``.

    A worker makes it while it holds the claim. ``fence`` of the claim is also the number of the attempt: parts of
    another attempt are not a piece of this archive.
    """

    scope = models.CharField(max_length=10, choices=PackScope.choices())
    change = models.ForeignKey(ChangeRequest, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    filters = models.JSONField(default=dict, blank=True, help_text="What a choice of events was narrowed by.")
    held_sizes = models.JSONField(default=list, blank=True, help_text="Sizes of tree heads that the asker holds.")
    state = models.CharField(max_length=10, choices=PackState.choices(), default=PackState.WAITING.value)
    code = models.CharField(max_length=40, blank=True)
    detail = models.TextField(blank=True)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    asked_name = models.CharField(max_length=200)
    asked_at = models.DateTimeField(db_default=Now())
    asked_event = models.BigIntegerField(null=True, help_text="It is made once this event is sealed.")
    rung_at = models.DateTimeField(null=True, blank=True, help_text="When workers were last called.")
    events_total = models.BigIntegerField(default=0)
    events_done = models.BigIntegerField(default=0)
    tree_size = models.BigIntegerField(default=0, help_text="Entries of the log under the pack's tree head.")
    size = models.BigIntegerField(default=0, help_text="Bytes of the archive.")
    sha256 = models.CharField(max_length=64, blank=True, help_text="Of the archive, hex.")
    manifest_sha256 = models.CharField(max_length=64, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(scope=PackScope.CHANGE, change__isnull=False)
                | (~Q(scope=PackScope.CHANGE) & Q(change__isnull=True)),
                name="evidence_pack_of_a_change_names_it",
            ),
            models.CheckConstraint(
                condition=~Q(state=PackState.READY)
                | (Q(sha256__regex="^[0-9a-f]{64}$") & Q(manifest_sha256__regex="^[0-9a-f]{64}$")),
                name="ready_evidence_pack_has_digests",
            ),
        ]
        indexes = [
            models.Index(
                fields=["id"],
                condition=Q(state__in=[PackState.WAITING, PackState.MAKING, PackState.SEALING]),
                name="evidence_pack_open",
            ),
            models.Index(fields=["expires_at"], condition=Q(state=PackState.READY), name="evidence_pack_by_expiry"),
        ]

    def __str__(self) -> str:
        about = f" of {self.change.number}" if self.change else ""
        return f"Evidence pack {self.pk}{about}"


class EvidencePart(models.Model):
    """A piece of a pack's archive; ``number`` counts from 0 in each attempt."""

    pack = models.ForeignKey(EvidencePack, on_delete=models.CASCADE, related_name="parts")
    fence = models.PositiveIntegerField()
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["pack", "fence", "number"], name="one_evidence_part_per_number")]

    def __str__(self) -> str:
        return f"part {self.number} of {self.pack_id}"
