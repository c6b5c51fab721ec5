"""Two people, or two workers, at the same moment: two real connections, and one of them waits or loses."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from django.db import connection, transaction

from changes.domain.errors import ChangeError
from changes.models import Approval, ChangeRequest, DeviceRun, Run
from changes.services.approvals import change_approve, change_reject, plan_open
from changes.services.execution import change_start, claimable_device_runs, run_devices
from changes.services.requests import change_withdraw
from devices.errors import LeaseLostError
from devices.services.claims import claim_next, fenced_update
from devices.services.device_locks import device_lock
from tests.integration.changes.conftest import Office

pytestmark = pytest.mark.lab

NAMES = ("ana", "amir")


def at_once(*calls: Callable[[], object]) -> list[object]:
    """Run the calls on threads with connections of their own, started together; errors are results."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], object]) -> object:
        try:
            connection.ensure_connection()
            barrier.wait(timeout=10)
            return call()
        except ChangeError as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def assessed(office: Office) -> tuple[int, str]:
    """A change that waits for the CAB and was opened by both approvers: its id and plan digest."""
    from changes.services.approvals import change_assess
    from changes.services.requests import change_submit

    change = office.draft(targets={"filter": {"name": "fra-acc-01"}})
    revision = office.planned(change)
    change_submit(change_id=change.pk, requester=office.people["olivia"])
    for name in ("pete", *NAMES):
        plan_open(revision=revision, actor=office.people[name])
    change_assess(change_id=change.pk, approver=office.people["pete"], plan_digest=revision.digest)
    return change.pk, revision.digest


def test_of_two_approvals_at_once_one_authorizes_and_the_other_is_refused(office: Office) -> None:
    change_id, digest = assessed(office)

    results = at_once(
        *(
            lambda name=name: change_approve(change_id=change_id, approver=office.people[name], plan_digest=digest)
            for name in NAMES
        )
    )

    errors = [result for result in results if isinstance(result, ChangeError)]
    assert len(errors) == 1
    assert errors[0].code == "illegal_transition"
    assert Approval.objects.filter(change_id=change_id, stage="cab").count() == 1


def test_the_same_approver_twice_at_once_counts_once(office: Office) -> None:
    change_id, digest = assessed(office)
    approve = lambda: change_approve(  # noqa: E731 - the same call, twice
        change_id=change_id, approver=office.people["ana"], plan_digest=digest
    )

    results = at_once(approve, approve)

    assert sum(isinstance(result, ChangeError) for result in results) == 1
    assert Approval.objects.filter(change_id=change_id, stage="cab").count() == 1


def test_approve_and_reject_at_once_have_one_winner(office: Office) -> None:
    change_id, digest = assessed(office)

    results = at_once(
        lambda: change_approve(change_id=change_id, approver=office.people["ana"], plan_digest=digest),
        lambda: change_reject(change_id=change_id, approver=office.people["amir"], comment="No.", plan_digest=digest),
    )

    assert sum(isinstance(result, ChangeError) for result in results) == 1


def test_withdraw_and_approve_at_once_never_leave_an_approved_draft(office: Office) -> None:
    change_id, digest = assessed(office)

    at_once(
        lambda: change_approve(change_id=change_id, approver=office.people["ana"], plan_digest=digest),
        lambda: change_withdraw(change_id=change_id, requester=office.people["olivia"]),
    )

    standing = Approval.objects.filter(change_id=change_id, stage="cab", voided_at=None).count()
    state = ChangeRequest.objects.get(pk=change_id).state
    assert (state, standing) in {("approved", 1), ("draft", 0)}


def test_two_starts_at_once_make_one_run(office: Office) -> None:
    change = office.approved(targets={"filter": {"name": "fra-acc-01"}})

    start = lambda: change_start(change_id=change.pk, implementer=office.people["olivia"])  # noqa: E731
    results = at_once(start, start)

    assert sum(isinstance(result, Run) for result in results) == 1
    assert Run.objects.filter(change=change).count() == 1


def test_two_workers_never_claim_the_same_device_run(office: Office) -> None:
    run = office.started(office.approved())

    def claim_all() -> list[int]:
        owner, mine = uuid.uuid4(), []
        while claim := claim_next(claimable_device_runs(run.pk), owner=owner):
            mine.append(claim.row_id)
        return mine

    first, second = at_once(claim_all, claim_all)

    assert isinstance(first, list)
    assert isinstance(second, list)
    assert sorted(first + second) == sorted(DeviceRun.objects.filter(run=run).values_list("pk", flat=True))


def test_two_runners_together_keep_to_the_number_of_devices_at_once(office: Office) -> None:
    run = office.started(office.approved(strategy={"max_parallel": 1}))
    for device in office.lab.devices:
        device.faults.latency_s = 0.02

    at_once(lambda: run_devices(run.pk), lambda: run_devices(run.pk))
    office.worked_on(run)

    rows = DeviceRun.objects.filter(run=run, state="succeeded").order_by("started_at")
    assert rows.count() == 3
    assert all(one.ended_at and two.started_at and one.ended_at < two.started_at for one, two in pairwise(rows))


def test_a_worker_that_lost_its_lease_can_write_nothing(office: Office) -> None:
    run = office.started(office.approved(targets={"filter": {"name": "fra-acc-01"}}))
    slow = claim_next(claimable_device_runs(run.pk), owner=uuid.uuid4())
    assert slow is not None
    DeviceRun.objects.filter(pk=slow.row_id).update(owner=None)
    quick = claim_next(claimable_device_runs(run.pk), owner=uuid.uuid4())
    assert quick is not None
    assert quick.fence == slow.fence + 1

    with pytest.raises(LeaseLostError):
        fenced_update(DeviceRun, slow, lines_sent=99)

    assert DeviceRun.objects.get(pk=slow.row_id).lines_sent == 0


def test_only_one_session_holds_a_device(office: Office) -> None:
    del office
    with device_lock(4711) as first, device_lock(4711) as second, device_lock(4712) as other:
        assert (first, second, other) == (True, False, True)
    with device_lock(4711) as again:
        assert again


def test_a_transition_without_its_event_does_not_commit(office: Office) -> None:
    from django.db import IntegrityError, InternalError

    change = office.draft()
    with pytest.raises((IntegrityError, InternalError)), transaction.atomic():
        type(change).objects.filter(pk=change.pk).update(state="approved")
    change.refresh_from_db()
    assert change.state == "draft"
