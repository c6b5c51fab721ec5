import json
from typing import Any, ClassVar, NoReturn

from django.db import models
from django.db.models.functions import Cast

from audit.errors import ImmutableEventError
from audit.models.told import ToldField
from audit.redaction.openings import body_as_told


class EventQuerySet(models.QuerySet["Event"]):
    """Reads only: everything that writes is refused before the database has to."""

    def update(self, **_values: object) -> NoReturn:
        """Refused.

        Raises:
            ImmutableEventError: always.
        """
        raise ImmutableEventError("Changing events")

    def delete(self) -> NoReturn:
        """Refused.

        Raises:
            ImmutableEventError: always.
        """
        raise ImmutableEventError("Deleting events")

    def bulk_create(self, *_args: object, **_options: object) -> NoReturn:
        """Refused.

        Raises:
            ImmutableEventError: always.
        """
        raise ImmutableEventError("Writing events in bulk")


class Event(models.Model):
    """One thing that happened, as it was said at the time. Written by ``audit.recorder.record()`` alone.

    ``body`` is the whole event in canonical form and never serialised again; the columns from ``actor_id``
    to ``reason`` repeat parts of it for the explorer's filters. Texts that a person may have typed are no part of
    it: commitments stand in their place, and ``audit_opening`` holds the texts; ``object_label`` and ``reason`` read
    them. ``id``, ``at``, ``txid`` and ``db_user`` come from the database. Ids follow the order of writing, not of
    committing: a smaller one can appear after a greater one. No column is a foreign key, so that rows survive
    whatever they speak about.
    """

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(
        db_default=models.Func(function="clock_timestamp", output_field=models.DateTimeField()),
        editable=False,
    )
    txid = models.BigIntegerField(
        db_default=Cast(
            Cast(
                models.Func(function="pg_current_xact_id", output_field=models.TextField()),
                models.TextField(),
            ),
            models.BigIntegerField(),
        ),
        editable=False,
    )
    db_user = models.TextField(
        db_default=models.Func(template="CURRENT_USER", output_field=models.TextField()), editable=False
    )
    actor_id = models.BigIntegerField(null=True)
    actor_name = models.TextField()
    origin = models.TextField()
    request_id = models.TextField()
    ip = models.TextField()
    action = models.TextField()
    object_type = models.TextField()
    object_id = models.TextField()
    object_label = ToldField(pointer="/object/label")
    change_id = models.BigIntegerField(null=True)
    device_id = models.BigIntegerField(null=True)
    state_from = models.TextField()
    state_to = models.TextField()
    code = models.TextField()
    reason = ToldField(pointer="/reason")
    body = models.TextField()

    objects: ClassVar[models.Manager["Event"]] = EventQuerySet.as_manager()

    class Meta:
        db_table = "audit_event"
        default_permissions = ("view",)
        base_manager_name = "objects"
        # Each filter of the explorer walks its own index backwards by id: no sort, no COUNT, at any size.
        indexes = [
            models.Index(fields=["actor_name", "id"], name="audit_event_actor"),
            models.Index(fields=["action", "id"], name="audit_event_action"),
            models.Index(fields=["object_type", "object_id", "id"], name="audit_event_object"),
            models.Index(fields=["object_type", "id"], name="audit_event_kind"),
            models.Index(fields=["object_id", "id"], name="audit_event_object_id"),
            models.Index(fields=["origin", "id"], name="audit_event_origin"),
            models.Index(fields=["at"], name="audit_event_at"),
            models.Index(
                fields=["change_id", "id"],
                name="audit_event_change",
                condition=models.Q(change_id__isnull=False),
            ),
            models.Index(
                fields=["device_id", "id"],
                name="audit_event_device",
                condition=models.Q(device_id__isnull=False),
            ),
            models.Index(fields=["code", "id"], name="audit_event_code", condition=~models.Q(code="")),
            models.Index(fields=["request_id", "id"], name="audit_event_request", condition=~models.Q(request_id="")),
        ]

    def __str__(self) -> str:
        return f"{self.pk} {self.action} {self.object_type} {self.object_id}"

    def content(self) -> dict[str, Any]:
        """The body, read, with the texts that stand beside the log; one query where there are any.

        Its members: ``schema``, ``actor`` {id, name, origin, request_id, ip}, ``action``, ``object`` {type,
        id, label}, ``change_id``, ``device_id``, ``state`` {from, to}, ``code``, ``reason``, ``before``,
        ``after``, ``details``. A text that was taken out reads ``[redacted]``.
        """
        return body_as_told(self.pk, self.sealed())

    def checked_content(self) -> dict[str, Any]:
        """The same, and ``reason`` and ``object_label`` say what it does: so no text is shown that was not sealed."""
        content = self.content()
        thing = content.get("object")
        self.reason = str(content.get("reason", ""))
        self.object_label = str(thing.get("label", "")) if isinstance(thing, dict) else ""
        return content

    def sealed(self) -> dict[str, Any]:
        """The body, read, as it was sealed: with commitments in place of texts that people typed; no query."""
        content: dict[str, Any] = json.loads(self.body)
        return content

    def save_base(self, *_args: object, **_options: object) -> NoReturn:
        """Refused; ``save()`` and loaded fixtures end here.

        Raises:
            ImmutableEventError: always.
        """
        raise ImmutableEventError("Saving an event")

    def delete(self, *_args: object, **_options: object) -> NoReturn:
        """Refused.

        Raises:
            ImmutableEventError: always.
        """
        raise ImmutableEventError("Deleting an event")
