"""Device credentials by name, fetched from their store at the moment of use.

``DEVICE_CREDENTIALS`` names the store: ``env:``, ``file:/path`` (a YAML file or a folder of files) or ``vault:``.
Secrets are held in memory for one session; the database, task arguments and logs carry the credential's *name* only.
"""

from devices.credentials.base import Provider, Purpose, Retrieved
from devices.credentials.store import known_secrets, provider, retrieve

__all__ = ["Provider", "Purpose", "Retrieved", "known_secrets", "provider", "retrieve"]
