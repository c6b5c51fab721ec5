"""When recurring work was last called for."""

from __future__ import annotations

from django.db import models


class PeriodicJob(models.Model):
    """One recurring task of the installation and when it is due again. Rows appear by themselves."""

    task = models.CharField(max_length=100, primary_key=True, help_text="Dotted name of a function of a task module.")
    due_at = models.DateTimeField()
    called_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.task
