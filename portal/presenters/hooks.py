"""The installed hooks as their page shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import QuerySet

from changes.domain.hooks import OBJECTING, TROUBLE, HookCallState, HookPoint, OnObjection
from changes.hooks.registry import InstalledHook, installed_hooks
from changes.models import HookCall, HookSetting
from portal.presenters.visible import Mask

LATEST: Final = 25
_LOOKED_AT: Final = 5


@dataclass(frozen=True, slots=True)
class CallShown:
    """One call and what came of it."""

    at: datetime
    point: str
    hook: str
    change_id: int
    change: str
    about: str
    state: str
    tone: str
    detail: str
    took_ms: int | None
    required: bool


@dataclass(frozen=True, slots=True)
class HookShown:
    """A hook with its setting; ``setting`` is unsaved where nobody has decided yet."""

    name: str
    distribution: str
    version: str
    problem: str
    is_installed: bool
    setting: HookSetting
    points: tuple[str, ...]
    may_object: bool
    last: Sequence[CallShown]

    @property
    def may_switch(self) -> bool:
        """Whether there is anything to decide: one that can be called, or that is still switched on."""
        return not self.problem or self.setting.enabled

    @property
    def changed(self) -> str:
        """The version that it had when it was switched on, where that is another one than now."""
        known = self.setting.version
        return known if known and known != self.version and self.is_installed else ""


def hooks_shown(mask: Mask) -> list[HookShown]:
    """Every hook that is installed or was once switched on, by name; one query, and one for each hook."""
    settings = {row.name: row for row in HookSetting.objects.all()}
    installed = {hook.name: hook for hook in installed_hooks()}
    names = sorted(settings.keys() | installed.keys())
    return [_hook(name, installed.get(name), settings.get(name), mask) for name in names]


def _hook(name: str, found: InstalledHook | None, setting: HookSetting | None, mask: Mask) -> HookShown:
    last = calls_shown(HookCall.objects.filter(hook=setting), mask)[:_LOOKED_AT] if setting else []
    points = tuple(setting.points) if setting else ()
    return HookShown(
        name=name,
        distribution=found.distribution if found else (setting.distribution if setting else ""),
        version=found.version if found else (setting.version if setting else ""),
        problem=found.problem if found else "No installed package offers it any more, so it is never called.",
        is_installed=found is not None,
        setting=setting or HookSetting(name=name),
        points=tuple(HookPoint(point).label for point in points),
        may_object=not points or not OBJECTING.isdisjoint(points),
        last=last,
    )


def calls_shown(rows: QuerySet[HookCall], mask: Mask) -> list[CallShown]:
    """The latest calls, newest first; one query."""
    found = rows.select_related("hook", "change", "device_run__device").order_by("-pk")[:LATEST]
    return [_call(row, mask) for row in found]


def _call(row: HookCall, mask: Mask) -> CallShown:
    state = HookCallState(row.state)
    about = row.device_run.device.name if row.device_run else (f"wave {row.wave}" if row.wave else "")
    return CallShown(
        at=row.ended_at or row.created_at,
        point=HookPoint(row.point).label,
        hook=row.hook.name,
        change_id=row.change_id,
        change=row.change.number,
        about=about,
        state=state.label,
        tone=_tone(state),
        detail=mask.prose(row.detail),
        took_ms=row.duration_ms,
        required=row.required,
    )


def _tone(state: HookCallState) -> str:
    if state in TROUBLE:
        return "bad"
    return {HookCallState.ANSWERED: "ok", HookCallState.OBJECTED: "warn", HookCallState.WAITING: "wait"}.get(
        state, "idle"
    )


ON_OBJECTION: Final = tuple((choice.value, choice.label) for choice in OnObjection)
