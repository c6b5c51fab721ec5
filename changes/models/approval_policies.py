"""The versions of approval policies: documents that are never changed, and where each of them stands."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from changes.domain.policy_versions import PolicyState


class ApprovalPolicyQuerySet(models.QuerySet["ApprovalPolicyVersion"]):
    """States of the world for versions of policies."""

    def active(self) -> Self:
        """The one that judges changes now; there always is exactly one."""
        return self.filter(state=PolicyState.ACTIVE)

    def with_people(self) -> Self:
        """With what a list shows, in the same query and without the documents."""
        return self.select_related("author", "proposed_by", "activated_by").defer("document")


class ApprovalPolicyVersion(models.Model):
    """One version of one policy. The database refuses every change of its content, and its removal.

    ``document`` is the canonical JSON, ``digest`` its SHA-256. A version without an author ships with the product.
    """

    name = models.CharField(max_length=40)
    version = models.PositiveIntegerField()
    title = models.CharField(max_length=200)
    document = models.TextField(help_text="Canonical JSON.")
    digest = models.CharField(max_length=64)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now())
    state = models.CharField(max_length=10, choices=PolicyState.choices(), default=PolicyState.DRAFT.value)
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    proposed_at = models.DateTimeField(null=True, blank=True)
    activated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    activated_at = models.DateTimeField(null=True, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)
    judged_at = models.DateTimeField(
        null=True, blank=True, help_text="When every waiting change had been judged again by this version."
    )

    objects = ApprovalPolicyQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["name", "version"], name="one_policy_per_name_and_version"),
            models.UniqueConstraint(
                fields=["state"], condition=Q(state=PolicyState.ACTIVE.value), name="one_active_policy"
            ),
            models.CheckConstraint(condition=Q(digest__regex=r"^[0-9a-f]{64}$"), name="policy_has_a_digest"),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        """What plans keep as their policy version: ``builtin-1``."""
        return f"{self.name}-{self.version}"
