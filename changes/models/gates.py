"""Named exceptions from the gates of the pre-check ladder."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from changes.domain.gates import COVERABLE, ExceptionScope, Gate
from changes.domain.labels import Labelled

COVERABLE_CODES = sorted(code for codes in COVERABLE.values() for code in codes)


class ExceptionState(Labelled):
    """How far an exception has come. An approved one still ends by itself, at its expiry."""

    REQUESTED = "requested"
    APPROVED = "approved"
    REJECTED = "rejected"
    REVOKED = "revoked"


class GateExceptionQuerySet(models.QuerySet["GateException"]):
    """States of the world for exceptions."""

    def active(self) -> Self:
        """Approved, and not expired by the database's clock."""
        return self.filter(state=ExceptionState.APPROVED, expires_at__gt=Now())

    def awaiting_decision(self) -> Self:
        """Requested, and still worth deciding."""
        return self.filter(state=ExceptionState.REQUESTED, expires_at__gt=Now())


class GateException(models.Model):
    """Lets one code through at one gate, for some devices and until a moment; a second person approved it."""

    gate = models.CharField(max_length=20, choices=Gate.choices())
    code = models.CharField(max_length=40)
    device_ids = ArrayField(models.BigIntegerField(), default=list, blank=True)
    sites = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    roles = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    reason = models.TextField()
    state = models.CharField(max_length=10, choices=ExceptionState.choices(), default=ExceptionState.REQUESTED.value)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    decision_comment = models.TextField(blank=True)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoke_reason = models.TextField(blank=True)

    objects = GateExceptionQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(decided_by=None) | ~Q(decided_by=F("requested_by")),
                name="exception_decided_by_a_second_person",
            ),
            models.CheckConstraint(
                condition=Q(state__in=[ExceptionState.REQUESTED.value, ExceptionState.REVOKED.value])
                | Q(decided_by__isnull=False, decided_at__isnull=False),
                name="exception_decision_names_a_person",
            ),
            models.CheckConstraint(condition=Q(code__in=COVERABLE_CODES), name="exception_covers_a_known_code"),
            models.CheckConstraint(condition=~Q(device_ids=[], sites=[], roles=[]), name="exception_has_a_scope"),
            models.CheckConstraint(condition=Q(expires_at__gt=F("requested_at")), name="exception_ends_after_it_began"),
            models.CheckConstraint(condition=~Q(reason=""), name="exception_has_a_reason"),
        ]
        indexes = [models.Index(fields=["state", "expires_at"], name="exception_by_state")]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        """The name people say: ``EXC-0007``."""
        return f"EXC-{self.pk:04d}"

    @property
    def scope(self) -> ExceptionScope:
        """The devices that it is for."""
        return ExceptionScope(tuple(self.device_ids), tuple(self.sites), tuple(self.roles))
