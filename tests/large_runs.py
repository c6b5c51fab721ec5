"""Runs over thousands of devices as workers leave them in the middle of their work, written in bulk in a few seconds.

Change, plan and run come from the services, for one device; the others are rows beside it, with steps, reasons and
times such as a real run has. What is under the plan's digest is not true of them, so nothing of it can be executed.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from changes.domain.run_states import DEVICE_ACTIVE, DEVICE_ENDED, DeviceRunState, WaveState
from changes.models import DevicePlan, DeviceRun, Run, RunStep, Wave
from changes.services.device_events import WORKER, audit_device_run
from changes.services.run_control import audit_run
from devices.models import Device
from tests.database import analyze, as_owner
from tests.factories import Cast, DeviceFactory, actor, started

_S = DeviceRunState
_STRAIGHT = (_S.CONNECTING, _S.CHECKING, _S.SNAPSHOTTING, _S.APPLYING, _S.VERIFYING, _S.SAVING)
_WRONG = (
    (_S.FAILED, "PRECHECK_UNREACHABLE", "No answer on port 22 within 10 s."),
    (_S.ROLLED_BACK, "COMMAND_REJECTED", "The device refused line 3 of 12, “ip ssh version 3”: % Invalid input"),
    (_S.BLOCKED, "PLAN_STALE", "The device was changed since it was planned, at: ntp server 192.0.2.123."),
)  # fmt: skip


def large_run(cast: Cast, devices: int = 2_000, *, sites: int = 20, waves: int = 4, seed: int = 7) -> Run:
    """A run in its last but one wave: those before have ended, with some failures; the last one waits."""
    chance = random.Random(seed)
    run = started(cast, [DeviceFactory.create(name="site-00-sw-0000", site="site-00")])
    [first] = run.device_runs.select_related("device_plan")
    begun = timezone.now() - timedelta(minutes=20)
    by_number = _waves(run, waves, begun)
    rows = list(_rows(run, first, devices - 1, sites, by_number, chance, begun))
    with transaction.atomic():
        made = DeviceRun.objects.bulk_create(rows, batch_size=500)
        audit_run(run, "run.filled", actor=actor(cast.implementer))
    RunStep.objects.bulk_create((step for row in made for step in _steps(row, chance)), batch_size=1_000)
    Run.objects.filter(pk=run.pk).update(device_count=devices, started_at=begun)
    analyze("changes_devicerun", "changes_runstep", "devices_device")
    moves(first, _S.SUCCEEDED)
    run.refresh_from_db()
    return run


def _waves(run: Run, count: int, begun: datetime) -> list[Wave]:
    [canary] = run.waves.all()
    working = count - 1
    Wave.objects.filter(pk=canary.pk).update(
        name="Canary", state=WaveState.HELD, opened_at=begun, worked_at=begun, judged_at=begun, ended_at=begun
    )
    more = [
        Wave(
            run=run,
            number=number,
            name=f"Batch {number - 1}",
            state=WaveState.HELD if number < working else WaveState.WORKING if number == working else WaveState.PENDING,
            opened_at=begun + timedelta(minutes=4 * (number - 1)) if number <= working else None,
            worked_at=begun + timedelta(minutes=4 * number - 1) if number < working else None,
            ended_at=begun + timedelta(minutes=4 * number - 1) if number < working else None,
        )
        for number in range(2, count + 1)
    ]
    return [canary, *Wave.objects.bulk_create(more)]


def _rows(
    run: Run, first: DeviceRun, count: int, sites: int, waves: list[Wave], chance: random.Random, begun: datetime
) -> Iterator[DeviceRun]:
    devices = Device.objects.bulk_create((_device(number, sites) for number in range(1, count + 1)), batch_size=500)
    plans = plans_beside(_plan(first.device_plan, device, position) for position, device in enumerate(devices, start=1))
    per_wave = -(-count // (len(waves) - 1))
    for number, (device, plan) in enumerate(zip(devices, plans, strict=True)):
        wave = waves[1 + number // per_wave]
        state, code, detail = _state(wave, number % per_wave, per_wave, chance)
        started_at = begun + timedelta(seconds=chance.uniform(0, 800)) if state != _S.PENDING else None
        ended_at = timezone.now() - timedelta(seconds=chance.uniform(1, 800)) if state in DEVICE_ENDED else None
        lines = 12 if state == _S.SUCCEEDED else 4 if state in DEVICE_ACTIVE else 0
        yield DeviceRun(
            run=run, wave=wave, device=device, device_plan=plan, plan_digest=first.plan_digest, state=state, code=code,
            detail=detail, lines_sent=lines, lines_applied=lines, drift="same" if lines else "", fence=1, attempts=1,
            started_at=min(filter(None, (started_at, ended_at)), default=None), ended_at=ended_at,
        )  # fmt: skip


def plans_beside(rows: Iterable[DevicePlan]) -> list[DevicePlan]:
    """Beside a plan that was submitted; the guard that keeps its devices as they are is off meanwhile."""
    with transaction.atomic(), as_owner() as cursor:
        cursor.execute("ALTER TABLE changes_deviceplan DISABLE TRIGGER changes_deviceplan_stays")
        made = DevicePlan.objects.bulk_create(rows, batch_size=500)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE changes_deviceplan ENABLE ALWAYS TRIGGER changes_deviceplan_stays")
    return made


def _device(number: int, sites: int) -> Device:
    site = f"site-{number % sites:02}"
    name = f"{site}-sw-{number:04}"
    return Device(
        source="lab", source_key=name, name=name, hostname=name, platform="cisco_ios", address="192.0.2.10", site=site,
        role="access", serial=f"LRG{number:08}", credential="lab", synced_at=timezone.now(),
    )  # fmt: skip


def _plan(like: DevicePlan, device: Device, position: int) -> DevicePlan:
    return DevicePlan(
        revision_id=like.revision_id, device=device, position=position, state=like.state, payload=like.payload,
        digest=like.digest, baseline_id=like.baseline_id, diff_source=like.diff_source, diff_group=like.diff_group,
        lines_added=1, lines_removed=0,
    )  # fmt: skip


def _state(wave: Wave, place: int, of: int, chance: random.Random) -> tuple[DeviceRunState, str, str]:
    if wave.state == WaveState.PENDING:
        return _S.PENDING, "", ""
    if wave.state == WaveState.WORKING and place >= of * 0.6:
        return (chance.choice(_STRAIGHT), "", "") if place < of * 0.6 + 20 else (_S.PENDING, "", "")
    return chance.choice(_WRONG) if chance.random() < 0.03 else (_S.SUCCEEDED, "", "")


def _steps(row: DeviceRun, chance: random.Random) -> Iterator[RunStep]:
    if row.started_at is None or row.wave.state != WaveState.WORKING:
        return  # nobody unfolds the devices of a wave that is over
    state, at = DeviceRunState(row.state), row.started_at
    until = _STRAIGHT.index(state) if state in _STRAIGHT else 6 if state == _S.SUCCEEDED else 2
    for sequence, name in enumerate(_STRAIGHT[: until + 1], start=1):
        ends = state != name
        took = timedelta(seconds=chance.uniform(0.05, 3))
        yield RunStep(
            device_run=row, sequence=sequence, name=name, fence=1, intent_at=at, ended_at=at + took if ends else None,
            outcome="ok" if ends else "", data={"lines": 12} if name == _S.APPLYING else {},
            transcript="> terminal length 0\n> show version\nCisco IOS Software",
        )  # fmt: skip
        at += took


def moves(row: DeviceRun, state: DeviceRunState, *, code: str = "", detail: str = "") -> None:
    """Move one device run as a worker would, with its audit event, whatever its state is."""
    with transaction.atomic():
        again = DeviceRun.objects.select_related("run__change", "device").select_for_update(of=("self",)).get(pk=row.pk)
        ended = timezone.now() if state in DEVICE_ENDED else None
        DeviceRun.objects.filter(pk=row.pk).update(
            state=state, code=code, detail=detail, ended_at=ended, started_at=again.started_at or timezone.now()
        )
        audit_device_run(again, actor=WORKER, state_from=again.state, state_to=state, code=code, reason=detail)
