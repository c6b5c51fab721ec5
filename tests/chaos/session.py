"""A chaos session: a home and a database server of its own, stages, and schedules played one after the other."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import connection

from audit.actor import Actor
from changes.models import DeviceRun
from devices.models import Device, DeviceStatus
from portal.embedded_postgres import attach
from tests.chaos.conductor import Conductor, Course
from tests.chaos.judge import Verdict, judge
from tests.chaos.schedules import Fault, Schedule, Way, every_point, ways
from tests.chaos.stage import Simulated, Stage, Truth, patiently, people, prepare_database, simulated_stage
from tests.chaos.worker import LEASE_S

PASSWORD: Final = "lab-password"


class Session:
    """Stages by kind, and one conductor for all of them."""

    def __init__(self, home: Path, stack: contextlib.ExitStack, kinds: Sequence[str]) -> None:
        attach(settings.COUNTERSIGN_HOME, durable=False)
        credentials = home / "credentials.yaml"
        credentials.write_text(f"lab: {{username: lab, password: {PASSWORD}}}\n")
        credentials.chmod(0o600)
        settings.DEVICE_CREDENTIALS = f"file:{credentials}"
        settings.COUNTERSIGN_LEASE_S = LEASE_S
        prepare_database()
        cast = people()
        self.stages: dict[str, Stage] = {}
        for kind in kinds:
            self.stages[kind] = stack.enter_context(_stage(kind, home, cast))
        # Each stage was a whole inventory for its source, which missed the devices of the one before.
        Device.objects.update(status=DeviceStatus.ACTIVE)
        self._conductor = stack.enter_context(Conductor(home, os.environ))
        for stage in self.stages.values():
            self._learn(stage)

    def play(self, schedule: Schedule) -> Verdict:
        """Play a schedule and judge what it left."""
        stage = self.stages[schedule.kind]
        course = self._course(stage, schedule)
        self._conductor.play(course)
        return patiently(lambda: judge(course, stage.truths))

    def points(self, kind: str, way: Way = Way.STRAIGHT) -> list[str]:
        """The points of one device run that nothing disturbs."""
        stage = self.stages[kind]
        (schedule,) = every_point(kind, 1, [Fault.KILL], devices=1, way=way)
        course = self._course(stage, replace(schedule, faults={0: {}}))
        self._conductor.play(course)
        return course.points[0]

    def _learn(self, stage: Stage) -> None:
        """Run the change once without faults, to see what devices have before it and after it.

        Simulated devices are alike but for their names: one is enough for all of them.
        """
        names = list(stage.devices) if stage.kind == "frr" else list(stage.devices)[:1]
        for device in stage.devices.values():
            device.reset()
        beside = {name: _beside(device, stage.kind) for name, device in stage.devices.items()}
        before = {name: (device.running(), device.startup()) for name, device in stage.devices.items()}
        schedule = Schedule(f"{stage.kind}, undisturbed", stage.kind, {place: {} for place in range(len(names))})
        course = self._conductor.play(self._course(stage, schedule))
        states = Counter(DeviceRun.objects.filter(run=course.run).values_list("state", "code"))
        assert set(states) == {("succeeded", "")}, f"an undisturbed run must succeed: {states}"
        for name in stage.devices:
            pattern = name if name in names else names[0]
            shown = stage.devices[pattern]
            target = (shown.running().replace(pattern, name), shown.startup().replace(pattern, name))
            stage.truths[name] = Truth(before[name], target, beside[name])
            assert all(old != new for old, new in zip(before[name], target, strict=True))

    def _course(self, stage: Stage, schedule: Schedule) -> Course:
        names = list(stage.devices)[: len(schedule.faults)]
        for name in names:
            stage.devices[name].reset()
        run = patiently(lambda: stage.started(stage.approved(names)))
        by_name = dict(DeviceRun.objects.filter(run=run).values_list("device__name", "pk"))
        for place in schedule.refusing:
            stage.devices[names[place]].refuse()
        course = Course(
            schedule=schedule,
            run=run,
            places={by_name[name]: place for place, name in enumerate(names)},
            devices={place: stage.devices[name] for place, name in enumerate(names)},
        )
        return self._carried_out(stage, course) if schedule.rolls_back else course

    def _carried_out(self, stage: Stage, course: Course) -> Course:
        """Carry the change out undisturbed, then order its rollback."""
        calm = replace(course.schedule, faults={place: {} for place in course.devices})
        self._conductor.play(replace(course, schedule=calm, points={}))
        for place, device in course.devices.items():
            if place in course.schedule.beside:
                device.edit()
            device.begin_log()
        patiently(lambda: stage.rolled_back(course.run.change))
        return course


def _beside(device: Simulated, kind: str) -> tuple[str, str]:
    """What a device has that was never changed by us, but by somebody else."""
    if Way.BESIDE not in ways(kind):
        return ("", "")
    shown = (device.running(), device.startup())
    device.reset()
    device.edit()
    found = (device.running(), device.startup())
    assert found != shown
    device.reset()
    return found


def _stage(kind: str, home: Path, cast: dict[str, Actor]) -> contextlib.AbstractContextManager[Stage]:
    if kind == "frr":
        from tests.chaos.routers import router_stage

        return router_stage(cast)
    return simulated_stage(kind, home, cast)


@contextlib.contextmanager
def session(home: Path, kinds: Sequence[str]) -> Iterator[Session]:
    """A session in ``home``, which everything is taken away from afterwards but the files."""
    with contextlib.ExitStack() as stack:
        try:
            yield Session(home, stack, kinds)
        finally:
            connection.close()


def table(rows: Iterable[tuple[str, str, Verdict]]) -> str:
    """What was seen, for people: by kind and group, how many were played and what was found."""
    groups: dict[tuple[str, str], list[Verdict]] = {}
    for kind, group, verdict in rows:
        groups.setdefault((kind, group), []).append(verdict)
    head = (
        "driver", "faults", "schedules", "device runs", "faults done", "lost", "applied twice", "unaccounted", "ends",
    )  # fmt: skip
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for (kind, group), verdicts in groups.items():
        ends: Counter[str] = sum((verdict.ends for verdict in verdicts), Counter())
        told = ", ".join(f"{count} {state}" for state, count in ends.most_common())
        cells = (
            kind, group, len(verdicts), sum(v.device_runs for v in verdicts), sum(len(v.events) for v in verdicts),
            sum(len(v.lost) for v in verdicts), sum(len(v.twice) for v in verdicts),
            sum(len(v.unaccounted) for v in verdicts), told,
        )  # fmt: skip
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)
