"""A reviewer's own "viewed" marks on many devices at once, where one diff was read for all of them."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils import timezone

from audit.actor import Actor
from changes.models import DevicePlan, ViewedMark


def devices_mark_viewed(*, device_plans: Sequence[DevicePlan], actor: Actor, viewed: bool) -> None:
    """Set or clear a reviewer's marks on the plans of one revision, each with its own digest; one query for all.

    As with :func:`changes.services.approvals.device_mark_viewed`, a mark lapses when that device's digest changes.
    ``device_plans`` come with their revision.
    """
    if not device_plans or actor.user_id is None:
        return
    change_id = device_plans[0].revision.change_id
    if not viewed:
        devices = [plan.device_id for plan in device_plans]
        ViewedMark.objects.filter(change_id=change_id, person_id=actor.user_id, device_id__in=devices).delete()
        return
    now = timezone.now()
    ViewedMark.objects.bulk_create(
        [
            ViewedMark(
                change_id=change_id,
                device_id=plan.device_id,
                person_id=actor.user_id,
                digest=plan.digest,
                viewed_at=now,
            )
            for plan in device_plans
        ],
        update_conflicts=True,
        unique_fields=["change", "device", "person"],
        update_fields=["digest", "viewed_at"],
    )
