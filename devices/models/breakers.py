"""The memory of the breakers, shared by all workers on all hosts."""

from __future__ import annotations

from django.db import models

from devices.domain.breaker import BreakerKind, BreakerState


class CircuitBreaker(models.Model):
    """The breaker of one credential or one site. A row appears with the first attempt or failure that is remembered."""

    kind = models.CharField(
        max_length=10, choices=[(BreakerKind.CREDENTIAL.value, "Credential"), (BreakerKind.SITE.value, "Site")]
    )
    name = models.CharField(max_length=100, help_text="Of the credential or the site.")
    state = models.CharField(
        max_length=10,
        choices=[
            (BreakerState.CLOSED.value, "Closed"),
            (BreakerState.OPEN.value, "Open"),
            (BreakerState.HALF_OPEN.value, "Half open"),
        ],
        default=BreakerState.CLOSED.value,
    )
    failures = models.PositiveIntegerField(default=0, help_text="In a row.")
    first_failure_at = models.DateTimeField(null=True, blank=True)
    last_subject = models.CharField(max_length=100, blank=True, help_text="Name of the device that failed last.")
    last_code = models.CharField(max_length=40, blank=True)
    opened_at = models.DateTimeField(null=True, blank=True)
    open_until = models.DateTimeField(null=True, blank=True)
    cool_down_s = models.FloatField(default=0)
    trials = models.PositiveIntegerField(default=0, help_text="Attempts under way whose outcome decides.")
    trials_until = models.DateTimeField(null=True, blank=True)
    proved_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "name"], name="one_breaker_per_cause")]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"
