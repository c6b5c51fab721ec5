"""Who acts for whom while somebody is absent."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from changes.domain.approval_policy.delegation import LONGEST


class DelegationQuerySet(models.QuerySet["Delegation"]):
    """States of the world for delegations; the moment is the database's."""

    def in_force(self) -> Self:
        """Those that hold now."""
        return self.filter(revoked_at=None, starts_at__lte=Now(), ends_at__gt=Now())

    def to_come_or_in_force(self) -> Self:
        """Those that hold now or will."""
        return self.filter(revoked_at=None, ends_at__gt=Now())


class Delegation(models.Model):
    """From ``starts_at`` on and before ``ends_at``, the delegate may decide for the principal, or nobody does.

    ``groups`` are the principal's groups that it holds for; empty: all. Made by the principal alone, revoked at once.
    The database keeps it as it was made; it can be revoked once, and not be removed.
    """

    principal = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="delegations_given")
    delegate = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="delegations_held",
        help_text="Empty: the principal is out of office and nobody acts for them.",
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    groups = ArrayField(models.CharField(max_length=150), default=list, blank=True)
    out_of_office = models.BooleanField(default=False, help_text="Notices go to the delegate, not to the principal.")
    reason = models.TextField(blank=True)
    created_at = models.DateTimeField(db_default=Now())
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    objects = DelegationQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(delegate=None) | ~Q(delegate=F("principal")), name="delegation_names_another_person"
            ),
            models.CheckConstraint(
                condition=Q(delegate__isnull=False) | Q(out_of_office=True), name="delegation_without_delegate"
            ),
            models.CheckConstraint(
                condition=Q(starts_at__lt=F("ends_at"), ends_at__lte=F("starts_at") + LONGEST),
                name="delegation_ends_within_92_days",
            ),
            models.CheckConstraint(
                condition=Q(revoked_at=None, revoked_by=None) | Q(revoked_at__isnull=False, revoked_by__isnull=False),
                name="delegation_revocation_names_a_person",
            ),
        ]
        indexes = [
            models.Index(fields=["principal", "ends_at"], condition=Q(revoked_at=None), name="delegation_by_principal"),
            models.Index(fields=["delegate", "ends_at"], condition=Q(revoked_at=None), name="delegation_by_delegate"),
        ]

    def __str__(self) -> str:
        return f"{self.delegate_id or 'nobody'} acts for {self.principal_id}"
