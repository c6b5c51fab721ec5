"""A worker that stood still for longer than its lease writes nothing when it wakes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from changes.models import DeviceRun, RunStep
from tests.chaos.conductor import Conductor, Course
from tests.chaos.schedules import Fault, Schedule
from tests.chaos.stage import LINES, Simulated
from tests.integration.changes.conftest import Office, story

pytestmark = [pytest.mark.lab, pytest.mark.workers]

ASLEEP = "line 2: intent written"


@pytest.fixture
def conductor(office: Office, process_environment: dict[str, str], tmp_path: Path) -> Iterator[Conductor]:
    del office
    environment = {**process_environment, "DJANGO_SETTINGS_MODULE": "tests.chaos.settings"}
    with Conductor(tmp_path, environment) as running:
        yield running


def test_a_worker_paused_for_longer_than_its_lease_writes_nothing_when_it_wakes(
    office: Office, conductor: Conductor, tmp_path: Path
) -> None:
    device = office.lab.device("fra-acc-01")
    before = device.running_config()
    content = "\n".join(LINES) + "\n"
    run = office.started(office.approved(content=content, targets={"filter": {"name": device.name}}))
    device_run = DeviceRun.objects.get(run=run)

    # It is stopped when the line is on record and about to leave, and woken when its device was handed on.
    schedule = Schedule("a pause", "cli", {0: {ASLEEP: Fault.STOP}}, workers=2)
    course = conductor.play(Course(schedule, run, {device_run.pk: 0}, {0: Simulated(office.lab, device)}))

    assert course.in_time, story(run)
    assert len(course.events) == 1, course.points
    device_run.refresh_from_db()
    assert (device_run.state, device_run.code) == ("rolled_back", "LEASE_LOST"), story(run)
    # The line that it was about to send never left, and none after it.
    assert [line for line in device.config_lines() if line in LINES] == [LINES[0]]
    assert device.running_config() == before
    # In the database it wrote nothing either: every row after the loss carries a later fence.
    steps = list(
        RunStep.objects.filter(device_run=device_run).order_by("sequence").values_list("name", "outcome", "fence")
    )
    lost = next(step for step in steps if step[1] == "lost")
    assert lost[0] == "applying"
    assert all(fence > lost[2] for _name, _outcome, fence in steps[steps.index(lost) + 1 :])
    assert "the lease went to another worker" in (tmp_path / "workers.log").read_text()
