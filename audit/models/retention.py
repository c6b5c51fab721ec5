"""How long events stay, what holds them, the archives that they go to, and the tests that those can be read."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from audit.retention.vocabulary import LONGEST_DAYS, SHORTEST_DAYS, HoldState, RetentionClass


class RetentionPeriod(models.Model):
    """For how long events of one class of change stay after its end; ``none``: events that belong to no change.

    Without a row, and without ``days``, they stay for ever.
    """

    id = models.BigAutoField(primary_key=True)
    change_class = models.CharField(max_length=20, unique=True)
    days = models.IntegerField(null=True, help_text="Empty: for ever.")

    class Meta:
        db_table = "audit_retention_period"
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(change_class__in=[each.value for each in RetentionClass]),
                name="retention_period_of_a_known_class",
            ),
            models.CheckConstraint(
                condition=Q(days=None) | Q(days__gte=SHORTEST_DAYS, days__lte=LONGEST_DAYS),
                name="retention_period_is_long_enough",
            ),
        ]

    def __str__(self) -> str:
        return self.change_class


class LegalHoldQuerySet(models.QuerySet["LegalHold"]):
    """Holds by whether they hold."""

    def holding(self) -> "LegalHoldQuerySet":
        """Those that still keep events in the table, a proposed release or not."""
        return self.exclude(state=HoldState.RELEASED)


class LegalHold(models.Model):
    """Events that must stay, whatever their period: those of one change, or those of a time range.

    A range holds whatever was written in it (``since`` inclusive, ``until`` exclusive, empty: without end), and all
    events of each change that has an event in it. ``matter`` is how people call the case.
    """

    id = models.BigAutoField(primary_key=True)
    state = models.CharField(max_length=20, default=HoldState.ACTIVE.value)
    change_id = models.BigIntegerField(null=True)
    since = models.DateTimeField(null=True)
    until = models.DateTimeField(null=True)
    matter = models.CharField(max_length=120)
    reason = models.TextField()
    placed_by_id = models.BigIntegerField()
    placed_by_name = models.CharField(max_length=150)
    placed_at = models.DateTimeField(db_default=Now())
    proposed_by_id = models.BigIntegerField(null=True)
    proposed_by_name = models.CharField(max_length=150, default="")
    proposed_why = models.TextField(default="")
    released_by_id = models.BigIntegerField(null=True)
    released_by_name = models.CharField(max_length=150, default="")
    released_at = models.DateTimeField(null=True)

    objects = LegalHoldQuerySet.as_manager()

    class Meta:
        db_table = "audit_legal_hold"
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(change_id__isnull=False, since=None, until=None)
                | Q(Q(until=None) | Q(until__gt=F("since")), change_id=None, since__isnull=False),
                name="legal_hold_of_a_change_or_a_range",
            ),
            models.CheckConstraint(
                condition=Q(state="active", proposed_by_id=None, released_by_id=None)
                | Q(state="release_proposed", proposed_by_id__isnull=False, released_by_id=None)
                | Q(
                    ~Q(released_by_id=F("proposed_by_id")),
                    state="released",
                    proposed_by_id__isnull=False,
                    released_by_id__isnull=False,
                    released_at__isnull=False,
                ),
                name="legal_hold_released_by_two",
            ),
        ]

    def __str__(self) -> str:
        return self.matter


class Archive(models.Model):
    """A signed file of events.

    ``recorded``: written and verified; ``removed``: its events have left the table; ``given_up``: they stay, and the
    file counts for nothing.

    ``sha256`` is the file's, ``size`` its bytes, ``tree_size`` the checkpoint that its proofs lead to. The database
    has one more column, ``leaves``: the places of the events in the tree, as an ``int8multirange``.
    """

    id = models.BigAutoField(primary_key=True)
    state = models.TextField()
    file = models.TextField()
    size = models.BigIntegerField()
    sha256 = models.TextField()
    manifest_sha256 = models.TextField()
    events = models.BigIntegerField()
    tree_size = models.BigIntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "audit_archive"
        default_permissions = ()

    def __str__(self) -> str:
        return self.file


class ArchivedEvent(models.Model):
    """What is left in the database of an event that went to an archive. Its leaf in the tree stays, too.

    ``state_to`` is the state to which it led, empty where it changed none. ``actor_id`` is who caused it; empty where
    nobody did, and for events that were archived before that was kept.
    """

    event_id = models.BigIntegerField(primary_key=True)
    leaf_index = models.BigIntegerField(unique=True)
    archive_id = models.BigIntegerField()
    at = models.DateTimeField()
    change_id = models.BigIntegerField(null=True)
    object_type = models.TextField()
    object_id = models.TextField()
    state_to = models.TextField()
    actor_id = models.BigIntegerField(null=True)

    class Meta:
        db_table = "audit_archived_event"
        default_permissions = ()

    def __str__(self) -> str:
        return f"event {self.event_id} in archive {self.archive_id}"


class RetrievalTest(models.Model):
    """A retrieval test that was made: which archives were taken, what was checked of them, and whether all was right.

    ``result`` is that of :func:`audit.retention.retrieval.retrieval_test`.
    """

    id = models.BigAutoField(primary_key=True)
    made_at = models.DateTimeField(db_default=Now())
    made_by = models.CharField(max_length=200)
    passed = models.BooleanField()
    result = models.JSONField()

    class Meta:
        db_table = "audit_retrieval_test"
        default_permissions = ()

    def __str__(self) -> str:
        return f"retrieval test {self.pk}"
