"""SSH host keys that people enrolled."""

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
    """A device's SSH host key that somebody enrolled. Sessions accept pinned keys only."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="host_keys")
    key_type = models.CharField(max_length=60)
    public_key = models.TextField(help_text="Base64, as in a known_hosts file.")
    fingerprint = models.CharField(max_length=80, help_text="SHA256:… as ssh prints it.")
    state = models.CharField(max_length=10, choices=HostKeyState.choices, default=HostKeyState.PINNED)
    enrolled_by = models.CharField(max_length=150)
    enrolled_at = models.DateTimeField(db_default=Now())

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
