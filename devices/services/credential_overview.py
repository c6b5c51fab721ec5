"""What is known of each credential without asking its store: names, scopes, uses and ages; never a value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import connection
from django.db.models import Count, QuerySet
from django.utils import timezone

from devices.credentials.rules_file import credential_rules
from devices.credentials.store import provider_name
from devices.domain.credential_rules import PURPOSES, CredentialRules, Scope
from devices.errors import SecretUnavailableError
from devices.models import CredentialUse, Device

READERS: Final = ("administrator", "auditor")
"""The roles (groups) that see which credentials there are. Being a superuser is not one of them."""

# Names without reading every row: each step jumps to the next name on the index (a loose index scan).
_NAMES_USED = """
    WITH RECURSIVE names AS (
        (SELECT credential FROM devices_credentialuse ORDER BY credential LIMIT 1)
        UNION ALL
        SELECT (SELECT credential FROM devices_credentialuse WHERE credential > names.credential
                 ORDER BY credential LIMIT 1)
          FROM names WHERE names.credential IS NOT NULL
    )
    SELECT credential FROM names WHERE credential <> ''
"""
_NEWEST = """
    SELECT newest.* FROM unnest(%s::text[]) AS name, unnest(%s::text[]) AS purpose,
    LATERAL (SELECT * FROM devices_credentialuse AS uses
              WHERE uses.credential = name AND uses.purpose = purpose.purpose
              ORDER BY uses.last_at DESC LIMIT 1) AS newest
"""


@dataclass(frozen=True, slots=True)
class CredentialView:
    """One credential. ``read`` and ``write`` are its newest uses; ``age_days`` counts from its last rotation.

    ``changed_at`` is None where the store does not tell, or nobody has used the credential yet. ``due_days`` is the
    policy (0: none); ``overdue`` is None where no policy or no age is known.
    """

    name: str
    provider: str
    scope: Scope
    device_count: int
    read: CredentialUse | None
    write: CredentialUse | None
    version: str
    changed_at: datetime | None
    age_days: int | None
    due_days: int
    overdue: bool | None


@dataclass(frozen=True, slots=True)
class CredentialOverview:
    """All credentials by name; ``problem`` says why the rules cannot be used, and is empty otherwise."""

    credentials: tuple[CredentialView, ...]
    has_rules: bool
    problem: str


def credential_overview() -> CredentialOverview:
    """Every credential that the rules, the inventory or a use names. Three queries, and the rules' file."""
    problem, rules = "", CredentialRules()
    try:
        rules = credential_rules()
    except SecretUnavailableError as error:
        problem = error.detail
    counts = _devices_by_credential()
    names = sorted({*rules.names(), *counts, *_names_used()})
    newest = _newest_uses(names)
    views = (_view(name, rules, counts.get(name, 0), newest) for name in names)
    return CredentialOverview(tuple(views), rules.declared, problem)


def credential_uses_of(name: str) -> QuerySet[CredentialUse]:
    """The record of one credential's uses, newest work first."""
    return CredentialUse.objects.filter(credential=name).select_related("device").order_by("-pk")


def _devices_by_credential() -> dict[str, int]:
    rows = Device.objects.exclude(credential="").order_by().values_list("credential").annotate(Count("pk"))
    return dict(rows)


def _names_used() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(_NAMES_USED)
        return [name for (name,) in cursor.fetchall()]


def _newest_uses(names: list[str]) -> dict[tuple[str, str], CredentialUse]:
    found = CredentialUse.objects.raw(_NEWEST, [names, list(PURPOSES)]).prefetch_related("device")
    return {(use.credential, use.purpose): use for use in found}


def _view(
    name: str, rules: CredentialRules, device_count: int, newest: dict[tuple[str, str], CredentialUse]
) -> CredentialView:
    scope = rules.scope(name)
    read, write = (newest.get((name, purpose)) for purpose in PURPOSES)
    delivered = [use for use in (read, write) if use is not None and not use.code]
    latest = max(delivered, key=lambda use: use.last_at, default=None)
    # With parts, the older one decides: a rotation is done when both were changed.
    known = [use.changed_at for use in delivered if use.changed_at]
    changed_at = min(known, default=None)
    age = timezone.now() - changed_at if changed_at else None
    return CredentialView(
        name=name,
        provider=latest.provider if latest else provider_name(),
        scope=scope,
        device_count=device_count,
        read=read,
        write=write,
        version=latest.version if latest else "",
        changed_at=changed_at,
        age_days=age.days if age is not None else None,
        due_days=scope.max_age_days,
        overdue=age > timedelta(days=scope.max_age_days) if age is not None and scope.max_age_days else None,
    )
