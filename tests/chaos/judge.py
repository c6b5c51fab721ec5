"""The comparison afterwards: the device's own log and configuration against the database."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
    rolls_back = course.schedule.rolls_back
    for run in DeviceRun.objects.filter(pk__in=course.places).order_by("pk"):
        device = course.devices[course.places[run.pk]]
        verdict.device_runs += 1
        verdict.ends[run.state] += 1
        verdict.codes.append(f"{device.name}: {run.state} {run.code} {run.detail}")
        truth = truths[device.name]
        if course.places[run.pk] in course.schedule.beside:
            truth = replace(truth, baseline=truth.beside)
        verdict.lost += _lost(run, device, truth)
        entries = list(told(device.log()))
        verdict.twice += [f"{device.name}: {what}" for what in (*applied_twice(entries), *taken_back_twice(entries))]
        found = (*_unaccounted(run, entries), *_events(run, earlier=["succeeded"] if rolls_back else []))
        verdict.unaccounted += [f"{device.name}: {what}" for what in found]
    if Event.objects.filter(action="run.ended", object_id=str(course.run.pk)).count() != 1 + rolls_back:
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


def taken_back_twice(entries: Sequence[Entry]) -> Iterator[str]:
    """Lines of a way back that were sent again although nobody had read the device and found the change there."""
    gone: dict[str, bool] = {}
    read_since: set[str] = set()
    saved: set[str] = set()
    for entry in entries:
        line, mode = str(entry.get("line", "")).strip(), str(entry.get("mode", ""))
        if entry.get("event") == "rollback":
            gone = dict.fromkeys(gone, False)
        elif entry.get("event") == "boot":
            gone = {each: each in saved for each in gone}
        elif line == "show running-config" and entry["result"] == "ok":
            read_since = set(gone)
        elif line == "write memory" and entry["result"] == "ok":
            saved = {each for each, is_gone in gone.items() if is_gone}
        elif line in LINES and mode.startswith("config"):
            gone[line] = False
        elif line.removeprefix("no ") in LINES and mode.startswith("config"):
            what = line.removeprefix("no ")
            if gone.get(what):
                yield f"“{line}” was sent again while there was nothing to take back"
            elif what in gone and what not in read_since:
                yield f"“{line}” was sent again without a reading in between"
            gone[what] = entry["result"] == "ok"
            read_since.discard(what)


def _applied(entry: Entry, line: str) -> str:
    """What of the change this entry put on the device."""
    mode = str(entry.get("mode", ""))
    if line in LINES and mode.startswith("config"):
        return line
    found = _COMMIT.match(line)
    return "commit" if found and found["timer"] else ""


@dataclass
class _OnRecord:
    """What the journal had announced of one device run, by time."""

    history: list[tuple[datetime, int, int]]
    steps: list[tuple[str, datetime]]
    taken_back: Counter[datetime] = field(default_factory=Counter)
    """By the begin of its step: how many lines of a way back have arrived."""

    def line(self, line: str, at: datetime) -> bool:
        """Recorded before it left: of this attempt, since a new one begins to count again."""
        announced = [sent for when, sent, _back in self.history if when <= at]
        return bool(announced) and announced[-1] > LINES.index(line)

    def line_back(self, at: datetime) -> bool:
        """As many lines of this attempt to go back were announced as have arrived with this one."""
        begun = self._going_back(at)
        if begun is None:
            return False
        self.taken_back[begun] += 1
        return self._back(at) >= self.taken_back[begun]

    def commit(self, at: datetime, *, timer: bool) -> bool:
        """A commit under its timer, of the change or of a way back; or the one that confirms it."""
        begun = self._going_back(at)
        if not timer:
            return begun is not None or any(n == "awaiting_confirm" and when <= at for n, when in self.steps)
        if begun is not None:
            return self._back(at) > 0
        announced = [sent for when, sent, _back in self.history if when <= at]
        return bool(announced) and announced[-1] >= len(LINES)

    def _back(self, at: datetime) -> int:
        return next((back for when, _sent, back in reversed(self.history) if when <= at), 0)

    def _going_back(self, at: datetime) -> datetime | None:
        return next((when for name, when in reversed(self.steps) if name in TAKING_BACK and when <= at), None)


def _unaccounted(run: DeviceRun, entries: Sequence[Entry]) -> Iterator[str]:
    """Lines that reached the device and that the journal had not announced before."""
    steps = RunStep.objects.filter(device_run=run).order_by("sequence").values_list("name", "intent_at")
    record = _OnRecord(_history(run.pk), list(steps))
    for entry in entries:
        line, mode = str(entry.get("line", "")).strip(), str(entry.get("mode", ""))
        if line and not _is_announced(record, line, mode, datetime.fromisoformat(entry["at"])):
            yield f"“{line}” arrived before it was on record"


def _is_announced(record: _OnRecord, line: str, mode: str, at: datetime) -> bool:
    commit = _COMMIT.match(line)
    if commit:
        return record.commit(at, timer=bool(commit["timer"]))
    if not mode.startswith("config") or line in ("end", "exit"):
        return True
    return record.line(line, at) if line in LINES else line.startswith("no ") and record.line_back(at)


def _history(device_run: int) -> list[tuple[datetime, int, int]]:
    """How many lines, and how many of a way back, were on record as sent, by time."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT at, sent, back_sent FROM chaos_history WHERE device_run_id = %s ORDER BY at", [device_run]
        )
        return list(cursor.fetchall())


def _events(run: DeviceRun, *, earlier: Sequence[str]) -> Iterator[str]:
    """Steps and transitions that are not written to their ends."""
    events = Event.objects.filter(object_type="device_run", object_id=str(run.pk)).order_by("id")
    moves = list(events.values_list("action", "state_from", "state_to"))
    ends = [to for action, _from, to in moves if action == "device_run.ended"]
    if run.state in ENDS and ends != [*earlier, run.state]:
        yield f"it ended as {run.state}, and its events say {ends}"
    for (_a, _f, before), (_b, after, _t) in pairwise(moves):
        if before != after:
            yield f"its events jump from {before} to {after}"
    if run.state in ENDS and RunStep.objects.filter(device_run=run, ended_at=None).exists():
        yield "a step of it never ended"
