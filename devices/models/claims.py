"""Rows that exactly one worker may work on at a time."""

from __future__ import annotations

from django.db import models


class Claimable(models.Model):
    """A row that exactly one worker may work on at a time.

    A claim sets ``owner``, raises ``fence`` and sets ``lease_until``; each later write names both, so that
    a worker that lost its lease can no longer write. ``not_before`` delays the next attempt.
    """

    owner = models.UUIDField(null=True, blank=True)
    fence = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    losses = models.PositiveSmallIntegerField(default=0, help_text="Workers lost on this row, one after the other.")
    not_before = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True
