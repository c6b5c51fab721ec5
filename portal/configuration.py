"""The configuration in force, as far as it may be told, and the event of each change of it.

Settings come from the environment, so nobody changes them through the product. What a process reads when it starts is
compared with what the last one of its kind read; a difference is an event. Secrets are compared by a keyed hash.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from django.db import DatabaseError, connection, transaction

from audit.actor import Actor
from audit.models import Event
from audit.recorder import record
from audit.secret_names import looks_secret
from portal.audit_environment import read_audit
from portal.credential_environment import read_rules_path, read_vault
from portal.environment import read_environment
from portal.mail_environment import read_mail
from portal.netbox_environment import read_netbox

logger = logging.getLogger(__name__)

ACTION: Final = "product.configuration_changed"
SECRETS: Final = frozenset({
    "secret_key", "database_url", "database_owner_url", "database_sealer_url", "broker_url", "audit.anchors",
    "netbox.token", "netbox.webhook_secret", "mail.settings.EMAIL_HOST_PASSWORD",
})  # fmt: skip
"""Settings that are, or may hold, a secret: only whether they changed is told."""
TOLD: Final = frozenset({
    "breaker_credential_failures", "device_credentials", "netbox.credential", "netbox.credential_field", "pin_workers",
    "vault.secret_id_file", "vault.token_file",
})  # fmt: skip
"""Settings that sound like a secret and hold a name, a path, a number or a switch."""
FILES: Final = ("audit.verifiers", "credential_rules", "device_ca_file", "mail.ca_file", "vault.ca_file")
"""Settings that name a file which says who is believed: what it holds is told by its SHA-256, too."""
_LOCK: Final = 7_211_504_903_662
_LOOKED_AT: Final = 200
_USER_IN_URL = re.compile(r"//[^\s,]*@")
"""A user, a token or a password in an address; wider than the standard, since people forget to encode."""


def configuration_in_force(environ: Mapping[str, str]) -> dict[str, str]:
    """Each setting by its name, as text; a secret is ``set, <16 hex digits>`` or ``not set``.

    The digits are an HMAC of the value under the installation's secret key: they differ when the value does, and tell
    nothing else to who lacks that key.

    Raises:
        SettingError: a setting cannot be used.
    """
    environment = read_environment(environ)
    whole = {
        **asdict(environment),
        "audit": asdict(read_audit(environ, environment.home)),
        "mail": asdict(read_mail(environ)),
        "netbox": asdict(read_netbox(environ)),
        "vault": read_vault(environ, environment.device_credentials),
        "credential_rules": read_rules_path(environ),
    }
    key = environment.secret_key.encode()
    flat = dict(_flat(whole))
    files = {f"{name} (content)": _content(flat[name]) for name in FILES if flat.get(name)}
    return dict(sorted({**{name: _told(name, value, key) for name, value in flat.items()}, **files}.items()))


def configuration_record(process: str, environ: Mapping[str, str] | None = None) -> int | None:
    """Write an event if a process of this kind (``web``, ``worker``) starts with another configuration than the last.

    The last is that of this host, so that two hosts with settings of their own do not take turns in the log; on a host
    that has told none, it is that of any. Returns the event's id, or nothing where the configuration is the same.

    Raises:
        SettingError: a setting cannot be used.
    """
    now = [f"{name}={value}" for name, value in configuration_in_force(environ or os.environ).items()]
    host = socket.gethostname() or "unknown"
    with transaction.atomic(), connection.cursor() as cursor:
        # Several processes start at once: one of them tells.
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        before = _last_told(process, host)
        known = list(before["settings"]) if before else []
        if now == known:
            return None
        return record(
            actor=Actor.system(process),
            action=ACTION,
            object_type="product",
            object_id=process,
            object_label=f"Configuration of {process} processes",
            before=before,
            after={"digest": hashlib.sha256("\n".join(now).encode()).hexdigest(), "settings": now},
            details={"host": host, "changed": sorted({line.partition("=")[0] for line in set(now) ^ set(known)})},
        )


def _last_told(process: str, host: str) -> dict[str, Any] | None:
    """What the last process of this kind told on this host, else on any; the newest 200 events are looked at."""
    events = Event.objects.filter(object_type="product", object_id=process, action=ACTION).order_by("-id")
    newest: dict[str, Any] | None = None
    for event in events[:_LOOKED_AT].iterator():
        told = event.content()
        if (told["details"] or {}).get("host") == host:
            return dict(told["after"])
        newest = newest or told["after"]
    return newest


def _content(value: object) -> str:
    """The SHA-256 of the file of this name."""
    try:
        return hashlib.sha256(Path(str(value)).read_bytes()).hexdigest()
    except OSError:
        return "cannot be read"


def configuration_told(process: str) -> None:
    """The same at a process's start, which a database that is away or not migrated does not prevent."""
    try:
        configuration_record(process)
    except DatabaseError as error:
        logger.warning("The configuration of this %s process could not be recorded: %s", process, str(error).strip())
    finally:
        connection.close()  # processes are forked from this one


def _flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _told(name: str, value: object, key: bytes) -> str:
    text = _text(value)
    hidden = name in SECRETS or (name not in TOLD and looks_secret(name.rpartition(".")[2]))
    if not hidden and not _USER_IN_URL.search(text):
        return text
    if not value:
        return "not set"
    keyed = hmac.new(key, f"{name}\0{text}".encode(), hashlib.sha256).hexdigest()
    return f"set, {keyed[:16]}"


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
