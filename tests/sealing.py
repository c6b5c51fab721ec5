"""Sealing in tests: the installation's key, and a sealer that seals at once what waits."""

from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection

from audit.checkpoints import TrustedKey
from audit.database_roles import APPLICATION
from audit.notes import Signer
from audit.sealing.database import connect_sealer
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
    """Seal every event that waits, in the test's own transaction if it has one; returns how many there were.

    A process that signed in as the application cannot become the sealer: there it is done on a connection of its own.
    """
    connection.ensure_connection()
    if connection.settings_dict["USER"] == APPLICATION:
        with closing(connect_sealer()) as sealer:
            return _seal(sealer)
    with as_sealer():
        return _seal(connection.connection)


def _seal(sealer: psycopg.Connection[Any]) -> int:
    count = 0
    while sealed := seal_once(sealer, installation_key()):
        count += sealed.count
    return count
