"""Host keys and certificates: what people enrolled, what devices offer, and alerts about what nobody pinned."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from devices.models.inventory import Device


class HostKeyState(models.TextChoices):
    """Whether a device's SSH host key is trusted."""

    PINNED = "pinned", "Pinned"
    REVOKED = "revoked", "Revoked"


class HostKey(models.Model):
    """A device's SSH host key, or its TLS certificate, that somebody enrolled. Sessions accept pinned ones only."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="host_keys")
    key_type = models.CharField(max_length=60)
    public_key = models.TextField(help_text="Base64: a key as in a known_hosts file, or a certificate in DER form.")
    fingerprint = models.CharField(max_length=120, help_text="SHA256:… as ssh or openssl print it.")
    state = models.CharField(max_length=10, choices=HostKeyState.choices, default=HostKeyState.PINNED)
    enrolled_by = models.CharField(max_length=150)
    enrolled_at = models.DateTimeField(db_default=Now())
    revoked_by = models.CharField(max_length=150, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoke_reason = models.TextField(blank=True)

    class Meta:
        ordering = ["device_id", "key_type", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["device", "key_type"], condition=Q(state="pinned"), name="one_pinned_key_per_type"
            )
        ]

    def __str__(self) -> str:
        return f"{self.key_type} {self.fingerprint}"

    @property
    def openssh(self) -> str:
        """``type base64``, the form that a driver pins."""
        return f"{self.key_type} {self.public_key}"


class OfferState(models.TextChoices):
    """What became of a key that was read from a device."""

    OFFERED = "offered", "Waits for a person"
    CONFIRMED = "confirmed", "Confirmed and pinned"
    SUPERSEDED = "superseded", "Read again since"


class OfferedKey(models.Model):
    """A key that a device offered when somebody asked to read it. Nothing trusts it before a person confirmed it."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="offered_keys")
    key_type = models.CharField(max_length=60)
    public_key = models.TextField(help_text="Base64: a key as in a known_hosts file, or a certificate in DER form.")
    fingerprint = models.CharField(max_length=120, help_text="SHA256:… as ssh or openssl print it.")
    state = models.CharField(max_length=12, choices=OfferState.choices, default=OfferState.OFFERED)
    read_by = models.CharField(max_length=150)
    read_at = models.DateTimeField(db_default=Now())
    decided_by = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["device_id", "key_type", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["device", "key_type"], condition=Q(state="offered"), name="one_offered_key_per_type"
            )
        ]

    def __str__(self) -> str:
        return f"{self.key_type} {self.fingerprint}"


class AlertState(models.TextChoices):
    """Whether somebody has looked at an alert."""

    OPEN = "open", "Open"
    ACKNOWLEDGED = "acknowledged", "Acknowledged"


class HostKeyAlert(models.Model):
    """A device proved itself with a key that is not pinned for it. One open alert per device and fingerprint."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="host_key_alerts")
    key_type = models.CharField(max_length=60)
    public_key = models.TextField(help_text="Base64: the key that was offered.")
    fingerprint = models.CharField(max_length=120, help_text="SHA256:… of the key that was offered.")
    state = models.CharField(max_length=12, choices=AlertState.choices, default=AlertState.OPEN)
    first_seen_at = models.DateTimeField(db_default=Now())
    last_seen_at = models.DateTimeField(db_default=Now())
    times_seen = models.PositiveIntegerField(default=1)
    acknowledged_by = models.CharField(max_length=150, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledge_reason = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["device", "fingerprint"], condition=Q(state="open"), name="one_open_alert_per_key"
            ),
            models.CheckConstraint(
                condition=Q(state="open") | (~Q(acknowledged_by="") & ~Q(acknowledge_reason="")),
                name="acknowledged_alert_names_who_and_why",
            ),
        ]
        indexes = [models.Index(fields=["state", "-id"], name="host_key_alert_by_state")]

    def __str__(self) -> str:
        return f"{self.device_id} {self.fingerprint}"
