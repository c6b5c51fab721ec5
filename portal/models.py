from datetime import timedelta
from typing import Self
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from knox.models import AbstractAuthToken

ALIVE_FOR_S = 10.0
KEPT_FOR = timedelta(days=1)


class WorkerBeatQuerySet(models.QuerySet["WorkerBeat"]):
    """All ages are taken from the database's clock, since the hosts' clocks may differ."""

    def alive(self) -> Self:
        """Groups that beat lately and whose cluster looks for work, or is fully at work."""
        fresh = self.filter(beat_at__gte=Now() - timedelta(seconds=ALIVE_FOR_S))
        return fresh.filter(models.Q(polled_s__lt=ALIVE_FOR_S) | models.Q(busy__gte=models.F("workers")))

    def forget_old(self) -> None:
        """Drop the beats of groups that were killed long ago."""
        self.filter(beat_at__lt=Now() - KEPT_FOR).delete()

    def beat(self, *, host: str, pid: int, workers: int, busy: int, polled_s: float | None, leads: bool) -> None:
        """Write one group's beat, in one statement."""
        now = Now()
        beat = WorkerBeat(
            host=host, pid=pid, workers=workers, busy=busy, polled_s=polled_s, leads=leads, beat_at=now, started_at=now
        )
        self.bulk_create(
            [beat],
            update_conflicts=True,
            unique_fields=["host", "pid"],
            update_fields=["workers", "busy", "polled_s", "leads", "beat_at"],
        )


class WorkerBeat(models.Model):
    """The last sign of life of one worker group (a watchdog with its cluster and dispatcher)."""

    host = models.CharField(max_length=255)
    pid = models.PositiveIntegerField(help_text="The watchdog's process id on its host.")
    workers = models.PositiveSmallIntegerField()
    busy = models.PositiveSmallIntegerField()
    polled_s = models.FloatField(null=True, help_text="Seconds since its cluster last looked for work.")
    leads = models.BooleanField(default=False)
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField()

    objects = WorkerBeatQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["host", "pid"], name="worker_beat_one_per_group")]

    def __str__(self) -> str:
        return f"{self.host}/{self.pid}"


class ApiToken(AbstractAuthToken):  # type: ignore[misc]  # knox ships no types
    """A person's key to the API. The token itself is not stored, only its digest; it ends by itself at ``expiry``."""

    public_id = models.UUIDField(unique=True, default=uuid4, editable=False, help_text="Names the token to its owner.")
    name = models.CharField(max_length=100, help_text="What uses it, in the owner's words.")

    def __str__(self) -> str:
        return f"{self.name} of {self.user_id}"


class CalendarFeed(models.Model):
    """A person's address of the calendar for programs that read iCalendar. Only the digest of its token is stored."""

    public_id = models.UUIDField(unique=True, default=uuid4, editable=False, help_text="Names the feed to its owner.")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=100, help_text="What reads it, in the owner's words.")
    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the token, hex.")
    site = models.CharField(max_length=100, blank=True, help_text="Only what concerns this site; empty: everything.")
    created_at = models.DateTimeField(db_default=Now())
    read_at = models.DateTimeField(null=True, blank=True, help_text="When it was last read, to the hour.")

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.name} of {self.user_id}"
