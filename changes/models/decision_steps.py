"""The manual steps of a run: what waits for a person, who answered, and what."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from changes.domain.decision_steps import STEP_ENDED, Otherwise, StepPlace, StepState
from changes.models.runs import Run

_ENDED = sorted(state.value for state in STEP_ENDED)
_ANSWERED = [StepState.CONFIRMED.value, StepState.STOPPED.value]


class DecisionStepQuerySet(models.QuerySet["RunDecisionStep"]):
    """States of the world for decision steps."""

    def open(self) -> Self:
        """Neither answered nor over."""
        return self.exclude(state__in=_ENDED)

    def waiting(self) -> Self:
        """A run waits for their answer now."""
        return self.filter(state=StepState.WAITING)


class RunDecisionStep(models.Model):
    """A manual step of one run, copied from the signed plan when the run was made."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="decision_steps")
    position = models.PositiveSmallIntegerField(help_text="In the plan's list, from 0.")
    point = models.PositiveIntegerField(help_text="So many of the run's waves come before it.")
    title = models.CharField(max_length=120)
    instruction = models.TextField()
    place = models.CharField(max_length=12, choices=StepPlace.choices())
    wave = models.PositiveIntegerField(default=0, help_text="The plan's wave after which it stands; 0: none.")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Who alone confirms it; empty: whoever holds the role.",
    )
    role = models.CharField(max_length=150, blank=True)
    timeout_s = models.PositiveIntegerField()
    otherwise = models.CharField(max_length=10, choices=Otherwise.choices())
    state = models.CharField(max_length=10, choices=StepState.choices(), default=StepState.PENDING.value)
    waits_since = models.DateTimeField(null=True, blank=True)
    waits_until = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    note = models.TextField(blank=True)

    objects = DecisionStepQuerySet.as_manager()

    class Meta:
        ordering = ["run_id", "point", "position"]
        constraints = [
            models.UniqueConstraint(fields=["run", "position"], name="one_step_per_position"),
            models.CheckConstraint(
                condition=Q(person=None) & ~Q(role="") | Q(person__isnull=False, role=""),
                name="step_names_a_person_or_a_role",
            ),
            models.CheckConstraint(
                condition=Q(state__in=_ANSWERED, decided_by__isnull=False, decided_at__isnull=False)
                | ~Q(state__in=_ANSWERED) & Q(decided_by=None),
                name="answered_step_names_who_answered",
            ),
            models.CheckConstraint(
                condition=~Q(state=StepState.STOPPED.value) | ~Q(note=""), name="stopped_step_has_a_note"
            ),
            models.CheckConstraint(
                condition=~Q(state=StepState.CONFIRMED.value) | Q(person=None) | Q(person=models.F("decided_by")),
                name="named_person_alone_confirms",
            ),
            models.CheckConstraint(
                condition=~Q(state=StepState.WAITING.value) | Q(waits_until__isnull=False),
                name="waiting_step_has_an_end",
            ),
        ]
        indexes = [
            models.Index(fields=["run"], condition=Q(state=StepState.WAITING.value), name="decision_step_waiting")
        ]

    def __str__(self) -> str:
        return f"step {self.position + 1} of {self.run}: {self.title}"
