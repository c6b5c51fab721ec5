"""The comparison afterwards: the device's own log and configuration against the database."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

from django.db import connection

from audit.models import Event
from changes.domain.run_states import DEVICE_ENDED
from changes.models import DeviceRun, RunStep
from tests.chaos.conductor import Course
from tests.chaos.stage import LINES, Simulated, Truth

ENDS: Final = frozenset(state.value for state in DEVICE_ENDED)
AT_TARGET: Final = frozenset({"succeeded"})
AT_BASELINE: Final = frozenset({"failed", "rolled_back", "blocked", "skipped"})
FOR_PEOPLE: Final = frozenset({"unknown", "rollback_failed"})
TAKING_BACK: Final = ("backing_out", "rolling_back")
_COMMIT: Final = re.compile(r"^configure session (?P<name>\S+) commit(?P<timer> timer \S+)?$")


Entry = Mapping[str, Any]
"""An entry of a device's log; see ``devices.lab.journal``."""


@dataclass
class Verdict:
    """What a schedule showed. Each finding is a sentence that names the device."""

    label: str
    planned: int = 0
    device_runs: int = 0
    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    unaccounted: list[str] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)
    events: list[str] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether nothing was lost, applied twice or unaccounted."""
        return not (self.lost or self.twice or self.unaccounted)

    def findings(self) -> list[str]:
        """All of them."""
        return [*self.lost, *self.twice, *self.unaccounted]


def judge(course: Course, truths: dict[str, Truth]) -> Verdict:
    """Compare what the devices have and received with what the database says."""
    planned = sum(len(points) for points in course.schedule.faults.values())
    verdict = Verdict(course.schedule.label, planned, events=course.events)
    if not course.in_time:
        verdict.lost.append("the run did not end in time")
    for run in DeviceRun.objects.filter(pk__in=course.places).order_by("pk"):
        device = course.devices[course.places[run.pk]]
        verdict.device_runs += 1
        verdict.ends[run.state] += 1
        verdict.codes.append(f"{device.name}: {run.state} {run.code} {run.detail}")
        verdict.lost += _lost(run, device, truths[device.name])
        entries = list(told(device.log()))
        verdict.twice += [f"{device.name}: {what}" for what in applied_twice(entries)]
        verdict.unaccounted += [f"{device.name}: {what}" for what in (*_unaccounted(run, entries), *_events(run))]
    if Event.objects.filter(action="run.ended", object_id=str(course.run.pk)).count() != 1:
        verdict.unaccounted.append("the run's end has not exactly one audit event")
    return verdict


def told(log: Sequence[Entry]) -> Iterator[Entry]:
    """The log; lines that went into a candidate, which changes nothing before it is committed, are told apart."""
    candidates: set[int] = set()
    for entry in log:
        if str(entry.get("line", "")).startswith("configure session "):
            candidates.add(entry["session"])
        is_candidate = entry.get("session") in candidates and str(entry.get("mode", "")).startswith("config")
        yield {**entry, "mode": "candidate"} if is_candidate else entry


def _lost(run: DeviceRun, device: Simulated, truth: Truth) -> Iterator[str]:
    if run.state not in ENDS:
        yield f"{device.name}: {run.state} {run.code} is no end"
        return
    if run.owner is not None:
        yield f"{device.name}: ended, and still claimed"
    if run.state in FOR_PEOPLE:
        return
    wanted, name = (truth.target, "target") if run.state in AT_TARGET else (truth.baseline, "baseline")
    for what, text, expected in zip(("running", "startup"), (device.running(), device.startup()), wanted, strict=True):
        if text != expected:
            yield f"{device.name}: {run.state} {run.code}, but its {what} configuration is not the {name}"


def applied_twice(entries: Sequence[Entry]) -> Iterator[str]:
    """Lines, or commits, that were sent again although nobody had read the device and found it without them."""
    sent: dict[str, bool] = {}  # by line: whether it is to be expected on the device
    read_since: set[str] = set()
    saved: set[str] = set()
    for entry in entries:
        if entry.get("event") in ("boot", "rollback"):
            sent = {line: line in saved if entry["event"] == "boot" else False for line in sent}
        line = str(entry.get("line", "")).strip()
        if line == "show running-config" and entry["result"] == "ok":
            read_since = set(sent)
        if line == "write memory" and entry["result"] == "ok":
            saved = {each for each, there in sent.items() if there}
        what = _applied(entry, line)
        if what:
            if sent.get(what):
                yield f"“{line}” was sent again while it was there"
            elif what in sent and what not in read_since:
                yield f"“{line}” was sent again without a reading in between"
            sent[what] = entry["result"] == "ok"
            read_since.discard(what)
        elif line.startswith("no ") and line.removeprefix("no ") in sent:
            sent[line.removeprefix("no ")] = False
        elif line.endswith(" abort") and "commit" in sent and entry["result"] == "ok":
            # of a candidate, or of a commit that waits: then the device takes it back
            sent["commit"] = sent["commit"] and not line.startswith("configure session countersign-run-")


def _applied(entry: Entry, line: str) -> str:
    """What of the change this entry put on the device."""
    mode = str(entry.get("mode", ""))
    if line in LINES and mode.startswith("config"):
        return line
    found = _COMMIT.match(line)
    return "commit" if found and found["timer"] else ""


def _unaccounted(run: DeviceRun, entries: Sequence[Entry]) -> Iterator[str]:
    """Lines that reached the device and that the journal had not announced before."""
    history = _history(run.pk)
    steps = [
        (step.name, step.intent_at, step.ended_at, step.fence)
        for step in RunStep.objects.filter(device_run=run).order_by("sequence")
    ]
    for entry in entries:
        line, mode = str(entry.get("line", "")).strip(), str(entry.get("mode", ""))
        if not line:
            continue
        at = datetime.fromisoformat(entry["at"])
        announced = [sent for when, sent in history if when <= at]
        going_back = any(name in TAKING_BACK and begun <= at for name, begun, _ended, _fence in steps)
        commit = _COMMIT.match(line)
        if line in LINES and mode.startswith("config"):
            # Recorded before it left: of this attempt, since a new one begins to count again.
            if not announced or announced[-1] < LINES.index(line) + 1:
                yield f"“{line}” arrived before it was on record"
        elif commit and commit["timer"] and (not announced or announced[-1] < len(LINES)):
            yield f"“{line}” arrived before it was on record"
        elif commit and not commit["timer"]:
            if not going_back and not any(n == "awaiting_confirm" and begun <= at for n, begun, _, _ in steps):
                yield f"“{line}” arrived before a step to confirm was on record"
        elif mode.startswith("config") and line not in (*LINES, "end", "exit"):
            if line.startswith("no ") and going_back:
                continue
            yield f"“{line}” is nowhere on record"


def _history(device_run: int) -> list[tuple[datetime, int]]:
    """How many lines were on record as sent, by time."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT at, sent FROM chaos_history WHERE device_run_id = %s ORDER BY at", [device_run])
        return list(cursor.fetchall())


def _events(run: DeviceRun) -> Iterator[str]:
    """Steps and transitions that are not written to their ends."""
    events = Event.objects.filter(object_type="device_run", object_id=str(run.pk)).order_by("id")
    moves = list(events.values_list("action", "state_from", "state_to"))
    ends = [to for action, _from, to in moves if action == "device_run.ended"]
    if run.state in ENDS and ends != [run.state]:
        yield f"it ended as {run.state}, and its events say {ends}"
    for (_a, _f, before), (_b, after, _t) in pairwise(moves):
        if before != after:
            yield f"its events jump from {before} to {after}"
    if run.state in ENDS and RunStep.objects.filter(device_run=run, ended_at=None).exists():
        yield "a step of it never ended"
