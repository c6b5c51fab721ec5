"""The texts that stand beside the log, and what takes them out of it."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now


class Opening(models.Model):
    """What opens one commitment of an event: the text, and the 32 random bytes that went into it.

    Written in the statement that writes its event, by ``audit.recorder`` alone. ``path`` is a JSON Pointer into the
    event's body. Where the text was taken out, ``salt`` and ``value`` are empty and ``redaction_id`` says by what.
    """

    pk = models.CompositePrimaryKey("event_id", "path")
    event_id = models.BigIntegerField()
    path = models.TextField()
    salt = models.BinaryField(null=True)
    value = models.TextField(null=True)  # noqa: DJ001 - an empty text is a text
    redaction_id = models.BigIntegerField(null=True)

    class Meta:
        db_table = "audit_opening"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.path} of event {self.event_id}"


class RedactionState(models.TextChoices):
    """How far a redaction has come."""

    PROPOSED = "proposed", "Proposed"
    CARRIED_OUT = "carried_out", "Carried out"
    DECLINED = "declined", "Declined"


class Redaction(models.Model):
    """Texts of one event that one person wants taken out of the log, and another one decides on.

    Why, and what was decided, stand in its events. People are no foreign keys: this app knows accounts by number and
    name alone, as the events do. The texts go in the moment ``state`` becomes *carried out*, by a trigger.
    """

    event_id = models.BigIntegerField()
    paths = ArrayField(models.TextField())
    state = models.CharField(max_length=20, choices=RedactionState, default=RedactionState.PROPOSED)
    proposed_by_id = models.BigIntegerField()
    proposed_by_name = models.CharField(max_length=150)
    proposed_at = models.DateTimeField(db_default=Now())
    decided_by_id = models.BigIntegerField(null=True)
    decided_by_name = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "audit_redaction"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["event_id"], condition=models.Q(state="proposed"), name="one_open_redaction_per_event"
            )
        ]

    def __str__(self) -> str:
        return f"redaction {self.pk} of event {self.event_id}"
