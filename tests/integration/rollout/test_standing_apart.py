"""Two changes at once: a device waits while another run works on one that stands in for it.

Such changes are not started together unless the conflict is waived or one is an emergency, or, as here, the inventory
learns of it only afterwards.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from changes.domain.run_states import DeviceRunState
from changes.models import DeviceRun, Run
from changes.services.execution import claimable_device_runs
from changes.services.journal import Journal
from changes.services.standing_apart import StandingApart
from devices.models import Device
from devices.services.claims import Claim, claim_next
from tests import factories
from tests.integration.changes.test_races import at_once


def runs_of(cast: factories.Cast, devices: Sequence[Device]) -> list[Run]:
    """A change and its run for each device."""
    return [factories.started(cast, [device]) for device in devices]


def pair_under_way(cast: factories.Cast) -> tuple[list[Device], list[Run]]:
    pair = factories.DeviceFactory.create_batch(2)
    runs = runs_of(cast, pair)
    Device.objects.filter(pk__in=[device.pk for device in pair]).update(redundancy_group="fra-dist")
    return pair, runs


def claimed(run: Run) -> Claim:
    claim = claim_next(claimable_device_runs(run.pk), owner=uuid.uuid4())
    assert claim
    return claim


def waits(run: Run) -> tuple[str, str, bool]:
    row = DeviceRun.objects.get(run=run)
    return row.state, row.code, row.owner is None


def test_the_other_member_of_a_redundancy_group_waits_until_the_first_has_ended(db: None) -> None:
    pair, [first, second] = pair_under_way(factories.Cast.create())
    at_work = claimed(first)
    assert not StandingApart.of(first).gives_way(at_work)
    journal = Journal(at_work)
    with journal.step(DeviceRunState.CONNECTING):
        pass
    assert StandingApart.of(second).gives_way(claimed(second))
    assert waits(second) == ("pending", "DEVICE_BUSY", True)
    row = DeviceRun.objects.get(run=second)
    assert row.detail.startswith(f"{pair[0].name}, which stands in for this device, is being worked on by")
    assert row.attempts == 0
    journal.end(DeviceRunState.FAILED, code="TIMEOUT", detail="No answer.")
    DeviceRun.objects.filter(pk=row.pk).update(not_before=None)
    assert not StandingApart.of(second).gives_way(claimed(second))


def test_it_waits_too_while_the_first_has_to_be_read_back_and_nobody_is_there(db: None) -> None:
    _pair, [first, second] = pair_under_way(factories.Cast.create())
    journal = Journal(claimed(first))
    for state in (DeviceRunState.CONNECTING, DeviceRunState.CHECKING, DeviceRunState.SNAPSHOTTING):
        with journal.step(state):
            pass
    with journal.step(DeviceRunState.APPLYING):
        pass
    journal.hand_back(DeviceRunState.RECONCILING, wait_s=60)
    assert StandingApart.of(second).gives_way(claimed(second))
    DeviceRun.objects.filter(run=first).update(not_before=None)
    back = claim_next(claimable_device_runs(first.pk), owner=uuid.uuid4())
    assert back
    assert not StandingApart.of(first).gives_way(back), "what has begun goes on"


def test_both_uplinks_of_a_device_are_not_worked_on_by_two_changes(db: None) -> None:
    left, right, other = factories.DeviceFactory.create_batch(3)
    of_left, of_right, of_other = runs_of(factories.Cast.create(), [left, right, other])
    factories.DeviceFactory.create(site="MUC", uplinks=[left.name, right.name])
    assert not StandingApart.of(of_left).gives_way(claimed(of_left))
    assert StandingApart.of(of_right).gives_way(claimed(of_right))
    assert not StandingApart.of(of_other).gives_way(claimed(of_other))


def test_devices_that_nothing_keeps_apart_cost_no_query(db: None) -> None:
    [run] = runs_of(factories.Cast.create(), [factories.DeviceFactory.create()])
    apart, claim = StandingApart.of(run), claimed(run)
    with CaptureQueriesContext(connection) as queries:
        assert not apart.gives_way(claim)
    assert len(queries) == 0


@pytest.mark.django_db(transaction=True)
def test_of_two_that_are_claimed_at_the_same_moment_exactly_one_gives_way(transactional_db: None) -> None:
    _pair, runs = pair_under_way(factories.Cast.create())
    parts = [(StandingApart.of(run), claimed(run)) for run in runs]
    gave_way = at_once(*(lambda apart=apart, claim=claim: apart.gives_way(claim) for apart, claim in parts))
    assert sorted(gave_way, key=bool) == [False, True]
