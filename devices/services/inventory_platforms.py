"""The platform table: which of our platforms and drivers a source's word means, kept by administrators."""

from __future__ import annotations

from typing import Final

from django.db import transaction
from django.utils import timezone

from audit.actor import Actor
from audit.recorder import record
from devices.domain.drivers import drivers_of
from devices.domain.platforms import PLATFORMS
from devices.errors import BadFieldsError
from devices.models import InventorySource, PlatformMapping, SourceKind
from devices.services.rights import ADMINISTRATOR, require_role
from devices.sources.texts import text_problem

ROWS_AT_MOST: Final = 500


@transaction.atomic
def platform_map(*, value: str, platform: str, driver: str, actor: Actor) -> PlatformMapping:
    """Say what a word means, in place of what it meant; audited. The next synchronisation loads all devices anew.

    Raises:
        NotPermittedError: the person is no administrator.
        BadFieldsError: a word that cannot be, or a platform or driver that there is not.
    """
    require_role(actor, "change the platform table", ADMINISTRATOR)
    value = value.strip()
    _check(value, platform, driver)
    row = PlatformMapping.objects.select_for_update().filter(value=value).first()
    before = {"platform": row.platform, "driver": row.driver} if row else None
    if row is None:
        if PlatformMapping.objects.count() >= ROWS_AT_MOST:
            raise BadFieldsError({"value": [f"The table has {ROWS_AT_MOST} rows already; remove one first."]})
        row = PlatformMapping(value=value)
    row.platform, row.driver, row.updated_by, row.updated_at = platform, driver, actor.username, timezone.now()
    row.save()
    after = {"platform": platform, "driver": driver}
    if before != after:
        _audit(row, "platform_mapping.set", actor, before=before, after=after)
        _load_anew()
    return row


@transaction.atomic
def platform_unmap(*, mapping_id: int, actor: Actor) -> bool:
    """Take a word out of the table; audited. Returns whether it was there.

    Raises:
        NotPermittedError: the person is no administrator.
    """
    require_role(actor, "change the platform table", ADMINISTRATOR)
    row = PlatformMapping.objects.select_for_update().filter(pk=mapping_id).first()
    if row is None:
        return False
    before = {"platform": row.platform, "driver": row.driver}
    _audit(row, "platform_mapping.removed", actor, before=before, after=None)
    row.delete()
    _load_anew()
    return True


def _check(value: str, platform: str, driver: str) -> None:
    if not value:
        raise BadFieldsError({"value": ["Give the platform's slug in the source, or the custom field's value."]})
    if len(value) > 100:
        raise BadFieldsError({"value": [f"The word has {len(value)} characters; 100 are allowed."]})
    if text_problem("name", value):
        raise BadFieldsError({"value": ["The word holds a character that cannot be seen; take it out."]})
    if platform not in PLATFORMS:
        known = ", ".join(PLATFORMS)
        raise BadFieldsError({"platform": [f"There is no platform “{platform[:40]}”. Use one of: {known}."]})
    if driver and driver not in drivers_of(platform):
        known = ", ".join(drivers_of(platform))
        raise BadFieldsError({"driver": [f"“{driver[:40]}” does not drive {platform}. Use one of: {known}."]})


def _load_anew() -> None:
    InventorySource.objects.filter(kind=SourceKind.NETBOX).update(position=None)


def _audit(
    row: PlatformMapping,
    action: str,
    actor: Actor,
    *,
    before: dict[str, str] | None,
    after: dict[str, str] | None,
) -> None:
    record(
        actor=actor,
        action=action,
        object_type="platform_mapping",
        object_id=row.pk,
        object_label=row.value,
        before=before,
        after=after,
    )
