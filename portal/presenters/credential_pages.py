"""What the pages about credentials show. No value ever reaches them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.urls import reverse

from devices.domain.reasons import reason
from devices.models import CredentialUse
from devices.services.credential_overview import CredentialView

_PROVIDERS: Final = {"env": "Environment", "file": "File", "folder": "Folder of files", "vault": "Vault"}


@dataclass(frozen=True, slots=True)
class NewestUse:
    """When a credential was last asked for one purpose."""

    at: datetime
    device: str
    device_url: str
    refused: bool


@dataclass(frozen=True, slots=True)
class CredentialRow:
    """One credential. ``overdue`` is None where it is not known."""

    name: str
    url: str
    provider: str
    purposes: str
    scope: str
    device_count: int
    read: NewestUse | None
    write: NewestUse | None
    version: str
    changed_at: datetime | None
    age: str
    policy: str
    overdue: bool | None


@dataclass(frozen=True, slots=True)
class UseRow:
    """All retrievals for one device in one piece of work."""

    at: datetime
    device: str
    device_url: str
    purpose: str
    work: str
    work_url: str
    worker: str
    version: str
    count: int
    unusual: bool
    code: str
    sentence: str


def credential_rows(views: Iterable[CredentialView]) -> list[CredentialRow]:
    """The rows of the list."""
    return [_row(view) for view in views]


def use_rows(uses: Iterable[CredentialUse]) -> list[UseRow]:
    """The rows of one credential's record."""
    return [_use_row(use) for use in uses]


def _row(view: CredentialView) -> CredentialRow:
    return CredentialRow(
        name=view.name,
        url=reverse("credential-detail", args=[view.name]),
        provider=_PROVIDERS.get(view.provider, view.provider),
        purposes=" and ".join(view.scope.purposes),
        scope=str(view.scope.where),
        device_count=view.device_count,
        read=_newest(view.read),
        write=_newest(view.write),
        version=view.version,
        changed_at=view.changed_at,
        age=_days(view.age_days) if view.age_days is not None else "",
        policy=_days(view.due_days) if view.due_days else "",
        overdue=view.overdue,
    )


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"


def _newest(use: CredentialUse | None) -> NewestUse | None:
    if use is None:
        return None
    return NewestUse(use.last_at, use.device.name, reverse("device-detail", args=[use.device_id]), bool(use.code))


def _use_row(use: CredentialUse) -> UseRow:
    return UseRow(
        at=use.last_at,
        device=use.device.name,
        device_url=reverse("device-detail", args=[use.device_id]),
        purpose=use.get_purpose_display(),
        work=f"{use.get_occasion_display()} {use.occasion_key or ''}".strip(),
        work_url=reverse("change-detail", args=[use.change_key]) if use.change_key else "",
        worker=use.worker,
        version=use.version,
        count=use.count,
        unusual=use.unusual,
        code=use.code,
        sentence=reason(use.code).sentence if use.code else "",
    )
