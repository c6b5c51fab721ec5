"""Sealing in tests: the installation's key, and a sealer that seals at once what waits."""

from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.db import connection

from audit.checkpoints import TrustedKey
from audit.notes import Signer
from audit.sealing.keys import SealingKey
from audit.sealing.seal import seal_once
from audit.sealing.trust import write_trusted
from tests.database import as_sealer

ORIGIN = "test.example.net/audit"


@lru_cache(maxsize=1)
def installation_key() -> SealingKey:
    """The installation's key, where its settings expect it; sessions and processes of one home share it."""
    path = Path(settings.AUDIT_KEY_FILE)
    SealingKey((Signer.make(ORIGIN),)).write(path, replace=False)
    key = SealingKey.read(path)
    write_trusted(Path(settings.AUDIT_VERIFIERS), tuple(TrustedKey(verifier) for verifier in key.verifiers))
    return key


def seal_what_waits() -> int:
    """Seal every event that waits, in the test's own transaction if it has one; returns how many there were."""
    count = 0
    connection.ensure_connection()
    with as_sealer():
        while sealed := seal_once(connection.connection, installation_key()):
            count += sealed.count
    return count
