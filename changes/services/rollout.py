"""The waves of a plan: laid out when targets are frozen, laid out again when it is known which devices change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from changes.domain.plan import device_digest
from changes.domain.states import DevicePlanState
from changes.domain.strategy import Strategy
from changes.domain.waves import Clash, Member, clashes, lay_out
from changes.models import DevicePlan, PlanRevision, Run
from devices.models import Device

Apart = Mapping[int, frozenset[str]]
Row = tuple[int, str, str]
"""A device's id, name and redundancy group."""


def kept_apart(devices: Iterable[Row]) -> Apart:
    """For each device, the sets that keep it apart from others.

    One query: for devices anywhere in the inventory that name some of these as their uplinks.
    """
    rows = list(devices)
    ids_by_name: dict[str, list[int]] = {}
    for pk, name, _group in rows:
        ids_by_name.setdefault(name, []).append(pk)
    found = {pk: {f"group {group}"} if group else set() for pk, _name, group in rows}
    below = Device.objects.filter(uplinks__overlap=list(ids_by_name)).values_list("name", "uplinks")
    for name, uplinks in below.iterator(1_000):
        for pk in (pk for uplink in uplinks for pk in ids_by_name.get(uplink, ())):
            found[pk].add(f"uplinks of {name}")
    return {pk: frozenset(names) for pk, names in found.items()}


def waves_laid_out(devices: Iterable[Row], strategy: Strategy) -> dict[int, int]:
    """The wave of each device by its id, counted from 1; in the devices' order."""
    apart = kept_apart(devices)
    waves = lay_out([Member(pk, names) for pk, names in apart.items()], strategy)
    return {pk: number for number, wave in enumerate(waves, 1) for pk in wave}


def waves_settle(revision: PlanRevision) -> None:
    """Lay the waves out over those devices that the plan changes, and put them into the bytes that will be signed.

    A canary that is already as wanted proves nothing, so another device takes its place. Call it in the transaction
    that closes the revision, before its digest is computed.
    """
    strategy = Strategy.of(revision.inputs["strategy"])
    ready = DevicePlan.objects.filter(revision=revision, state=DevicePlanState.READY).order_by("position")
    rows = ready.values_list("device_id", "device__name", "device__redundancy_group")
    waves = waves_laid_out(rows, strategy)
    moved = [pk for pk, device_id, wave in ready.values_list("pk", "device_id", "wave") if waves[device_id] != wave]
    for plan in DevicePlan.objects.filter(pk__in=moved).iterator(200):
        plan.wave = waves[plan.device_id]
        content = plan.content
        payload = replace(content, strategy={**content.strategy, "wave": plan.wave}).to_bytes()
        plan.payload, plan.digest = payload.decode(), device_digest(payload)
        plan.save(update_fields=["wave", "payload", "digest"])


def clashes_now(run: Run, *, from_wave: int = 1) -> tuple[Clash, ...]:
    """Devices that share a wave of the signed plan though the inventory, as it is now, keeps them apart.

    Waves before ``from_wave`` are done: nothing can be kept apart in them any more.
    """
    coming = run.device_runs.filter(wave__number__gte=from_wave)
    rows = list(coming.values_list("device_id", "device__name", "device__redundancy_group", "wave__number"))
    apart = kept_apart((pk, name, group) for pk, name, group, _wave in rows)
    waves: dict[int, list[Member]] = {}
    for pk, _name, _group, wave in rows:
        waves.setdefault(wave, []).append(Member(pk, apart[pk]))
    return clashes(waves)
