"""Inventory sources, their synchronisations, and what is owed to them."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from devices.models.inventory import Device


class SourceKind(models.TextChoices):
    """What an inventory source is."""

    NETBOX = "netbox", "NetBox"
    YAML = "yaml", "YAML file"
    CSV = "csv", "CSV file"


class InventorySource(models.Model):
    """One source of devices, and how far it was followed.

    ``position`` is the id of the newest entry of its change log that was taken in, and ``recent`` are the ids just
    below it that were: entries become visible out of order. Both are empty where there is no change log.
    """

    name = models.CharField(max_length=40, primary_key=True)
    kind = models.CharField(max_length=10, choices=SourceKind.choices)
    position = models.BigIntegerField(null=True, blank=True)
    recent = ArrayField(models.BigIntegerField(), default=list, blank=True)
    loaded_at = models.DateTimeField(null=True, blank=True, help_text="When it was last loaded as a whole.")
    synced_at = models.DateTimeField(null=True, blank=True, help_text="When it was last read with success.")
    refused_calls = models.PositiveIntegerField(
        default=0, help_text="Webhook calls with a wrong signature that no audit event tells of yet."
    )
    refusals_audited_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class SyncScope(models.TextChoices):
    """How much of a source one synchronisation reads."""

    FULL = "full", "All devices"
    CHANGES = "changes", "What changed since"
    DEVICES = "devices", "Named devices"


class SyncState(models.TextChoices):
    """Where a synchronisation is."""

    QUEUED = "queued", "Waiting for a worker"
    LOADING = "loading", "Reading the source"
    APPLYING = "applying", "Comparing with the inventory"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"


SYNC_OPEN = (SyncState.QUEUED, SyncState.LOADING, SyncState.APPLYING)


class SyncRun(models.Model):
    """One synchronisation of a source. ``done`` of ``total`` devices are read; counts are devices."""

    source = models.ForeignKey(InventorySource, on_delete=models.CASCADE, related_name="runs")
    scope = models.CharField(max_length=10, choices=SyncScope.choices)
    state = models.CharField(max_length=10, choices=SyncState.choices, default=SyncState.QUEUED)
    requested_by = models.CharField(max_length=150)
    requested_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(null=True, blank=True, help_text="Empty until the source has told it.")
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    missing = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    code = models.CharField(max_length=40, blank=True)
    detail = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["source", "-id"], name="sync_run_by_source")]

    def __str__(self) -> str:
        return f"sync {self.pk} of {self.source_id}"

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.state in SYNC_OPEN


class StagedDevice(models.Model):
    """One device as a synchronisation read it, before anything is replaced. Rows live as long as their run does.

    ``facts`` are the fields of :class:`devices.sources.records.DeviceRecord`.
    """

    run = models.ForeignKey(SyncRun, on_delete=models.CASCADE, related_name="staged")
    key = models.CharField(max_length=200)
    facts = models.JSONField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "key"], name="staged_device_once")]

    def __str__(self) -> str:
        return self.key


class RefusedEntry(models.Model):
    """An entry of a source's last load that could not become a device at all."""

    source = models.ForeignKey(InventorySource, on_delete=models.CASCADE, related_name="refused_entries")
    key = models.CharField(max_length=200)
    code = models.CharField(max_length=40)
    sentence = models.TextField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.key}: {self.code}"


class PlatformMapping(models.Model):
    """Which platform a source's word means. A word that has no row is never guessed at."""

    value = models.CharField(max_length=100, unique=True, help_text="A platform's slug, or the custom field's value.")
    platform = models.CharField(max_length=40, help_text="The platform's slug here; it gives the Netmiko type too.")
    driver = models.CharField(max_length=40, blank=True, help_text="The driver to use; empty: the platform's own.")
    updated_by = models.CharField(max_length=150, blank=True)
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["value"]

    def __str__(self) -> str:
        return f"{self.value} → {self.platform}"


class DeliveryState(models.TextChoices):
    """What became of a webhook call."""

    PENDING = "pending", "Waiting"
    DONE = "done", "Reconciled"


class WebhookDelivery(models.Model):
    """One webhook call, kept once: its request, object and event name it. Nothing else of its body is believed."""

    source = models.ForeignKey(InventorySource, on_delete=models.CASCADE, related_name="deliveries")
    request_id = models.CharField(max_length=64)
    object_type = models.CharField(max_length=60)
    object_id = models.BigIntegerField()
    event = models.CharField(max_length=40)
    state = models.CharField(max_length=10, choices=DeliveryState.choices, default=DeliveryState.PENDING)
    received_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["request_id", "object_type", "object_id", "event"], name="delivery_once")
        ]
        indexes = [models.Index(fields=["id"], condition=Q(state="pending"), name="delivery_pending")]

    def __str__(self) -> str:
        return f"{self.event} {self.object_type} {self.object_id}"


class JournalState(models.TextChoices):
    """Whether a source has the entry."""

    PENDING = "pending", "Waiting"
    SENT = "sent", "Written"
    GIVEN_UP = "given_up", "Given up"


class JournalNote(models.Model):
    """What a source's own journal shall say about a device, until it is there.

    ``reference`` stands in the text and tells, after an answer that was lost, whether the entry exists already.
    """

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="journal_notes")
    source = models.CharField(max_length=40)
    source_key = models.CharField(max_length=200)
    reference = models.CharField(max_length=80)
    kind = models.CharField(max_length=10, help_text="info, success, warning or danger, as NetBox names them.")
    text = models.TextField(help_text="Markdown.")
    state = models.CharField(max_length=10, choices=JournalState.choices, default=JournalState.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(db_default=Now())
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(db_default=Now())
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["device", "reference"], name="one_note_per_device_run")]
        indexes = [models.Index(fields=["next_try_at"], condition=Q(state="pending"), name="note_pending")]

    def __str__(self) -> str:
        return f"{self.reference} on {self.source_key}"
