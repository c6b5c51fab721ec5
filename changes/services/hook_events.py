"""What hooks are told, from rows: names, states and digests; never configuration, variables or secrets."""

from __future__ import annotations

import json
from typing import Final

from django.conf import settings
from django.utils import timezone

from changes.hooks.interface import (
    API_VERSION,
    ChangeInfo,
    DeviceInfo,
    HookEvent,
    PlanInfo,
    RunInfo,
    WaveInfo,
)
from changes.hooks.registry import InstalledHook
from changes.models import ChangeRequest, DeviceRun, HookCall, PlanRevision, Run
from changes.services.messages import link

_NAMED_DEVICES: Final = 500
_MAIL: Final = (
    "EMAIL_BACKEND", "EMAIL_HOST", "EMAIL_PORT", "EMAIL_HOST_USER", "EMAIL_HOST_PASSWORD", "EMAIL_USE_TLS",
    "EMAIL_USE_SSL", "EMAIL_TIMEOUT", "DEFAULT_FROM_EMAIL",
)  # fmt: skip


def event_for(call: HookCall) -> HookEvent:
    """The event of one call, as things stand now; at most four queries."""
    return HookEvent(
        api=API_VERSION,
        point=call.point,
        id=f"{call.pk}-{call.created_at:%Y%m%dT%H%M%S%fZ}",
        at=timezone.now().isoformat(),
        change=_change(call.change),
        plan=_plan(call.revision),
        run=_run(call.run) if call.run else None,
        wave=_wave(call),
        device=_device(call.device_run) if call.device_run else None,
    )


def variables_for(hook: InstalledHook) -> dict[str, str]:
    """What a hook of the product itself may use of the portal's settings; others see only their own variables."""
    if not hook.is_own:
        return {}
    shared = {
        "COUNTERSIGN_HOOK_ALLOWED_NETWORKS": ",".join(map(str, settings.WEBHOOK_ALLOWED_NETWORKS)),
        "COUNTERSIGN_HOOK_CA_FILE": settings.WEBHOOK_CA_FILE,
    }
    if hook.name == "email" and settings.COUNTERSIGN_MAIL_ON:
        server = {name: getattr(settings, name) for name in _MAIL}
        if settings.EMAIL_FILE_PATH:
            server["EMAIL_FILE_PATH"] = str(settings.EMAIL_FILE_PATH)
        shared["COUNTERSIGN_HOOK_MAIL"] = json.dumps(server)
    return shared


def _change(change: ChangeRequest) -> ChangeInfo:
    return ChangeInfo(
        id=change.pk,
        number=change.number,
        title=change.title,
        type=change.type,
        state=change.state,
        author=change.author.get_username(),
        url=link(f"/changes/{change.pk}/"),
    )


def _plan(revision: PlanRevision) -> PlanInfo:
    return PlanInfo(
        revision=revision.number,
        state=revision.state,
        digest=revision.digest,
        devices=revision.device_count,
        code=revision.code,
    )


def _run(run: Run) -> RunInfo:
    return RunInfo(id=run.pk, state=run.state, outcome=run.outcome, devices=run.device_count, code=run.code)


def _wave(call: HookCall) -> WaveInfo | None:
    wave = call.run.waves.filter(number=call.wave).first() if call.run and call.wave else None
    if wave is None:
        return None
    names = wave.device_runs.order_by("pk").values_list("device__name", flat=True)[:_NAMED_DEVICES]
    return WaveInfo(number=wave.number, name=wave.name, devices=tuple(names))


def _device(row: DeviceRun) -> DeviceInfo:
    device = row.device
    return DeviceInfo(name=device.name, platform=device.platform, site=device.site, state=row.state, code=row.code)
