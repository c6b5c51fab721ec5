"""What a sealer leads with, and the event of each change of it, written through the sealer's own login."""

import hashlib
import json
import socket
from pathlib import Path
from typing import Any, Final

import psycopg
from django.conf import settings

from audit.recorder import ObjectType
from audit.sealing.events import say
from audit.sealing.keys import SealingKey

ACTION: Final = "product.configuration_changed"
"""As web and worker processes call theirs."""
PROCESS: Final = "sealer"
_TOLD = """
SELECT body FROM audit_event
WHERE object_type = 'product' AND object_id = %s AND action = %s AND db_user = current_user::text
ORDER BY id DESC LIMIT 200
"""


def configuration_tell(connection: psycopg.Connection[Any], key: SealingKey, *, every_s: float) -> None:
    """Record what the sealer leads with, where this host's last one led with something else; no secret is in it.

    Events of other logins do not count as told: the application could write one beforehand. On a host that has told
    nothing yet, what any host told last counts.
    """
    now, host = configuration_now(key, every_s=every_s), socket.gethostname() or "unknown"
    with connection.transaction():
        before = _last_told(connection, host)
        known = list(before["settings"]) if before else []
        if now == known:
            return
        say(
            connection,
            action=ACTION,
            object_type=ObjectType.PRODUCT,
            object_id=PROCESS,
            object_label="Configuration of the sealer",
            before=before,
            after={"digest": hashlib.sha256("\n".join(now).encode()).hexdigest(), "settings": now},
            details={"host": host, "changed": sorted({line.partition("=")[0] for line in set(now) ^ set(known)})},
        )


def configuration_now(key: SealingKey, *, every_s: float) -> list[str]:
    """Each setting as ``name=value``, sorted: anchors and how often, public halves of keys, files, the interval."""
    verifiers = Path(settings.AUDIT_VERIFIERS)
    found = {
        "archives": str(settings.AUDIT_ARCHIVES),
        "checkpoint every": f"{every_s:g} s",
        "key_file": str(settings.AUDIT_KEY_FILE),
        "verifiers": str(verifiers),
        "verifiers (content)": _digest(verifiers),
        **{f"key {verifier.key_id.hex()}": str(verifier) for verifier in key.verifiers},
        **{f"anchor {anchor.name}": f"every {anchor.every_s} s" for anchor in settings.AUDIT_ANCHORS},
    }
    return sorted(f"{name}={value}" for name, value in found.items())


def _last_told(connection: psycopg.Connection[Any], host: str) -> dict[str, Any] | None:
    newest: dict[str, Any] | None = None
    for (body,) in connection.execute(_TOLD, (PROCESS, ACTION)):
        told = json.loads(body)
        if (told["details"] or {}).get("host") == host:
            return dict(told["after"])
        newest = newest or told["after"]
    return newest


def _digest(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return "cannot be read"
