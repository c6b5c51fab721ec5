from __future__ import annotations

import pytest

from audit.models import Event
from changes.domain.errors import InvalidInputError
from changes.errors import PolicyDeniedError
from changes.models import ChangeRequest, PlanRevision
from changes.rendering import ProblemKind
from changes.services.preview import Preview, change_preview
from devices.models import Device, SnapshotPurpose
from devices.services.snapshots import snapshot_store
from tests.factories import Cast, DeviceFactory, actor

RUNNING = """hostname fra-acc-01
interface GigabitEthernet1/0/1
 description desk 1
ntp server 192.0.2.9
"""


@pytest.fixture
def cast(db: None) -> Cast:
    return Cast.create()


@pytest.fixture
def device(db: None) -> Device:
    return DeviceFactory.create(name="fra-acc-01")


def preview(cast: Cast, device: Device, content: str, **variables: object) -> Preview:
    return change_preview(content=content, variables=variables, device_id=device.pk, person=actor(cast.author))


def test_lines_are_rendered_for_the_device(cast: Cast, device: Device) -> None:
    shown = preview(cast, device, "ntp server {{ server }}\nbanner motd ^{{ device.name }}^\n", server="192.0.2.123")
    assert shown.lines == ("ntp server 192.0.2.123", "banner motd ^fra-acc-01^")
    assert shown.problems == ()


def test_diff_is_against_the_newest_stored_configuration(cast: Cast, device: Device) -> None:
    snapshot_store(device=device, text="hostname old\n", purpose=SnapshotPurpose.PLAN)
    newest = snapshot_store(device=device, text=RUNNING, purpose=SnapshotPurpose.AFTER)
    shown = preview(cast, device, "interface GigabitEthernet1/0/1\n description printer\n")
    assert "- description desk 1\n+ description printer" in shown.diff
    assert (shown.stat.added, shown.stat.removed) == (1, 1)
    assert shown.known_at == newest.taken_at
    assert shown.line_count == 4


def test_lines_that_change_nothing_give_no_diff(cast: Cast, device: Device) -> None:
    snapshot_store(device=device, text=RUNNING, purpose=SnapshotPurpose.AFTER)
    shown = preview(cast, device, "ntp server 192.0.2.9\n")
    assert shown.diff == ""
    assert shown.known_at is not None


def test_device_that_was_never_read_has_lines_and_no_diff(cast: Cast, device: Device) -> None:
    shown = preview(cast, device, "ntp server 192.0.2.9\n")
    assert shown.lines
    assert (shown.diff, shown.known_at) == ("", None)


@pytest.mark.parametrize("line", ["reload", "rel", "wr er", "do wr"])
def test_forbidden_lines_are_named_and_nothing_is_estimated(cast: Cast, device: Device, line: str) -> None:
    snapshot_store(device=device, text=RUNNING, purpose=SnapshotPurpose.AFTER)
    shown = preview(cast, device, f"ntp server 192.0.2.9\n{line}\n")
    assert shown.forbidden
    assert [finding.number for finding in shown.findings] == [2]
    assert shown.diff == ""


def test_template_error_names_its_line_and_the_unknown_name(cast: Cast, device: Device) -> None:
    shown = preview(cast, device, "ntp server {{ server }}\nntp server {{ servr }}\n", server="192.0.2.9")
    [problem] = shown.problems
    assert (problem.kind, problem.line, problem.name) == (ProblemKind.UNDEFINED, 2, "servr")
    assert shown.lines == ()


def test_failure_for_this_device_alone_is_a_problem_too(cast: Cast, device: Device) -> None:
    shown = preview(cast, device, "{{ device.tags[7] }}\n")
    assert len(shown.problems) == 1


def test_platform_that_is_not_supported_has_lines_alone(cast: Cast) -> None:
    strange = DeviceFactory.create(platform="junos")
    snapshot_store(device=strange, text=RUNNING, purpose=SnapshotPurpose.AFTER)
    shown = preview(cast, strange, "set system host-name x\n")
    assert shown.lines == ("set system host-name x",)
    assert shown.diff == ""


@pytest.mark.parametrize("device_id", [None, 0, -1, True, "1", 2**70, 999_999])
def test_device_that_is_not_there_is_refused_with_everything_else(cast: Cast, device_id: object) -> None:
    with pytest.raises(InvalidInputError) as caught:
        change_preview(content=" ", variables={"1a": 1}, device_id=device_id, person=actor(cast.author))
    assert set(caught.value.fields) == {"content", "variables.1a", "device"}


@pytest.mark.parametrize("who", ["approver", "auditor", "outsider", "superuser"])
def test_people_who_do_not_write_changes_start_no_rendering(cast: Cast, device: Device, who: str) -> None:
    with pytest.raises(PolicyDeniedError):
        change_preview(content="x", variables={}, device_id=device.pk, person=actor(getattr(cast, who)))


def test_nothing_is_stored_and_nothing_recorded(cast: Cast, device: Device) -> None:
    before = Event.objects.count()
    preview(cast, device, "ntp server 192.0.2.9\n")
    assert (ChangeRequest.objects.count(), PlanRevision.objects.count()) == (0, 0)
    assert device.snapshots.count() == 0
    assert Event.objects.count() == before
