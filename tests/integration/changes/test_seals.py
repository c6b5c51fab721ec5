"""The gate before a device is written: every approval is under a signed checkpoint, or nothing is sent."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as installation
from django.test import Client
from django.utils import timezone

from audit.models import Event
from changes.domain.sealing import AUDIT_NOT_SEALED, AUDIT_SEAL_BROKEN
from changes.models import ChangeRequest, DeviceRun, Run, RunStep
from changes.services.approval_seals import ApprovalSeals, Unsealed, seal_wait
from changes.services.dispatch import dispatch_once
from changes.services.execution import change_start, run_devices
from changes.services.requests import change_submit
from changes.services.rollback import Wish, change_rollback
from tests.database import as_owner
from tests.factories import Cast, DeviceFactory, actor, approved
from tests.integration.approvals.office import again, decide, in_review
from tests.integration.approvals.test_stages import revised, submitted_again
from tests.integration.changes.conftest import Office, ends, story
from tests.integration.changes.runner_process import RunnerProcess
from tests.integration.changes.test_recovery import CONTENT, LINES, ONE, kill, recover, wait_until
from tests.integration.sealing_fixtures import Seal
from tests.integration.templates.conftest import approved_template, planned

NEVER = "/nowhere/verifiers"


def against(change: ChangeRequest, seals: ApprovalSeals | None = None) -> str:
    assert change.revision_id is not None
    found = (seals or ApprovalSeals()).against(change.revision_id)
    return found.code if found else ""


@pytest.fixture
def change(db: None) -> ChangeRequest:
    return approved(Cast.create(), DeviceFactory.create_batch(1))


def older(seconds: int) -> None:
    """Have all events been written so long ago."""
    with as_owner() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE audit_event DISABLE TRIGGER USER")
        cursor.execute("UPDATE audit_event SET at = at - make_interval(secs => %s)", [seconds])
        cursor.execute("ALTER TABLE audit_event ENABLE TRIGGER USER")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def test_what_carries_a_plan_is_proved_once_and_remembered(
    change: ChangeRequest, seal: Seal, django_assert_num_queries: Callable[..., Any]
) -> None:
    seals = ApprovalSeals()
    assert against(change, seals) == AUDIT_NOT_SEALED
    seal()
    assert against(change, seals) == ""
    with django_assert_num_queries(1):
        assert against(change, seals) == ""


@pytest.mark.parametrize("kind", ["approval", "change"])
def test_each_approval_and_the_step_to_approved_have_to_be_sealed(change: ChangeRequest, seal: Seal, kind: str) -> None:
    """The newest event of each counts, so one that is told again later has to be sealed again."""
    seal()
    pk = change.pk if kind == "change" else change.approvals.order_by("-pk")[0].pk
    told = Event.objects.filter(object_type=kind, object_id=str(pk), state_to="approved").latest("id")
    with as_owner() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE audit_event DISABLE TRIGGER USER")
        cursor.execute("ALTER TABLE audit_event ENABLE TRIGGER audit_event_is_enqueued")
        columns = "actor_name, origin, request_id, ip, action, object_type, object_id, object_label, state_from,"
        columns += " state_to, code, reason, body, change_id"
        cursor.execute(
            f"INSERT INTO audit_event ({columns}) SELECT {columns} FROM audit_event WHERE id = %s",  # noqa: S608 - these
            [told.pk],
        )
    assert against(change) == AUDIT_NOT_SEALED
    seal()
    assert against(change) == ""


def edited_event(change: ChangeRequest) -> None:
    with as_owner() as cursor:
        cursor.execute("ALTER TABLE audit_event DISABLE TRIGGER USER")
        cursor.execute("UPDATE audit_event SET db_user = 'nobody' WHERE object_type = 'approval'")


def edited_approval(change: ChangeRequest) -> None:
    with as_owner() as cursor:
        cursor.execute("ALTER TABLE changes_approval DISABLE TRIGGER USER")
        cursor.execute("UPDATE changes_approval SET approver_id = %s WHERE stage = 'cab'", [change.author_id])


def lost_event(_change: ChangeRequest, kind: str = "approval", pk: int | None = None) -> None:
    with as_owner() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE audit_event DISABLE TRIGGER USER")
        cursor.execute(
            "UPDATE audit_event SET object_id = '0' WHERE object_type = %s AND object_id = coalesce(%s, object_id)",
            [kind, pk and str(pk)],
        )


@pytest.mark.parametrize("tamper", [edited_event, edited_approval, lost_event])
def test_rows_and_events_that_were_edited_carry_nothing(
    change: ChangeRequest, seal: Seal, tamper: Callable[[ChangeRequest], None]
) -> None:
    seal()
    assert against(change) == ""
    with as_owner() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    tamper(change)
    assert against(change) == AUDIT_SEAL_BROKEN


def test_an_approval_that_was_carried_over_rests_on_the_one_that_was_given(db: None, seal: Seal) -> None:
    cast, devices = Cast.create(), DeviceFactory.create_batch(2)
    change = in_review(cast.author, devices)
    given = decide(change, cast.peer)
    change = submitted_again(revised(change, cast.author, devices[:1]), cast.author, "low")
    decide(change, cast.approver)
    change = again(change)
    seal()
    assert (change.state, against(change)) == ("approved", "")
    lost_event(change, "approval", given.pk)
    assert against(change) == AUDIT_SEAL_BROKEN


def test_an_approval_that_nobody_gave_is_not_carried_over(change: ChangeRequest, seal: Seal) -> None:
    """A row says that it was carried over from a plan that its person never approved."""
    seal()
    with as_owner() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE changes_approval DISABLE TRIGGER USER")
        cursor.execute("UPDATE changes_approval SET carried_from = repeat('c', 64) WHERE stage = 'cab'")
    assert against(change) == AUDIT_SEAL_BROKEN


def test_a_plan_that_nobody_approved_carries_nothing(change: ChangeRequest, seal: Seal) -> None:
    """Whoever forged an approval, and takes it out between the count of approvals and the gate, is not let through."""
    seal()
    with as_owner() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE changes_approval DISABLE TRIGGER USER")
        cursor.execute("UPDATE changes_approval SET voided_at = now(), void_cause = 'returned'")
    found = ApprovalSeals().against(change.revision_id or 0)
    assert found == Unsealed(AUDIT_SEAL_BROKEN, "Nobody approved this plan, neither by itself nor in advance.")


@pytest.mark.parametrize("column", ["digest", "voided_at"])
def test_a_template_that_says_something_else_or_was_approved_by_one_carries_nothing(
    db: None, seal: Seal, column: str
) -> None:
    cast = Cast.create()
    change = planned(approved_template(cast), cast.author, DeviceFactory.create_batch(2, site="FRA", role="access"))
    change_submit(change_id=change.pk, requester=actor(cast.author))
    seal()
    assert against(again(change)) == ""
    change_it = {
        "digest": "UPDATE changes_templateversion SET digest = repeat('c', 64)",
        "voided_at": "UPDATE changes_templatereview SET voided_at = now() WHERE role = 'cab'",
    }
    with as_owner() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in ("changes_templateversion", "changes_templatereview"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(change_it[column])
    assert against(again(change)) == AUDIT_SEAL_BROKEN


@pytest.mark.parametrize("kind", ["template_review", "change"])
def test_a_standard_change_rests_on_its_submission_and_on_the_reviews_of_its_template(
    db: None, seal: Seal, kind: str
) -> None:
    cast = Cast.create()
    devices = DeviceFactory.create_batch(2, site="FRA", role="access")
    change = planned(approved_template(cast), cast.author, devices)
    change_submit(change_id=change.pk, requester=actor(cast.author))
    change = again(change)
    assert (change.state, against(change)) == ("approved", AUDIT_NOT_SEALED)
    seal()
    assert against(change) == ""
    lost_event(change, kind)
    assert against(change) == AUDIT_SEAL_BROKEN


def test_without_a_known_key_nothing_is_proved(change: ChangeRequest, seal: Seal, settings: Any) -> None:  # noqa: ANN401 - pytest-django's
    seal()
    settings.AUDIT_VERIFIERS = NEVER
    assert against(change) == AUDIT_SEAL_BROKEN


def test_people_are_told_of_a_sealer_that_is_late_and_not_of_one_that_works(change: ChangeRequest, seal: Seal) -> None:
    assert seal_wait(change) is None, "an approval that was given just now"
    older(3)
    found = seal_wait(change)
    assert found is not None
    assert found.code == AUDIT_NOT_SEALED
    seal()
    assert seal_wait(change) is None


def test_pages_api_and_readiness_say_so(change: ChangeRequest, client: Client, seal: Seal) -> None:
    older(20)
    client.force_login(change.author)
    assert AUDIT_NOT_SEALED in client.get(f"/changes/{change.pk}/").content.decode()
    assert AUDIT_NOT_SEALED in client.get(f"/changes/{change.pk}/start/").content.decode()
    codes = {each["code"] for each in client.get(f"/api/v1/changes/{change.pk}/").json()["blockers"]}
    assert AUDIT_NOT_SEALED in codes
    run = change_start(change_id=change.pk, implementer=actor(change.author))
    assert AUDIT_NOT_SEALED in client.get(f"/changes/{change.pk}/runs/{run.pk}/").content.decode()
    assert "No device is written" in client.get("/readyz").json()["parts"]["sealer"]["detail"]
    DeviceRun.objects.filter(run=run).update(code=AUDIT_SEAL_BROKEN, detail="The event was edited.")
    assert "The event was edited." in client.get(f"/changes/{change.pk}/runs/{run.pk}/").content.decode()
    seal()
    assert "does not prove" in client.get("/readyz").json()["parts"]["sealer"]["detail"]


def test_unsealed_devices_are_not_claimed_and_come_again_in_a_second(
    transactional_db: None, seal: Seal, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    cast = Cast.create()
    change = approved(cast, DeviceFactory.create_batch(30))
    run = change_start(change_id=change.pk, implementer=actor(cast.author))
    assert run_devices(run.pk) == 0
    waiting = DeviceRun.objects.filter(run=run, code=AUDIT_NOT_SEALED, state="pending", owner=None, attempts=0)
    assert waiting.count() == run.max_parallel
    assert not RunStep.objects.filter(device_run__run=run).exists()
    dispatch_once()
    run.refresh_from_db()
    assert run.rung_at is not None
    assert (timezone.now() - run.rung_at).total_seconds() <= installation.COUNTERSIGN_RING_AGAIN_S
    with django_assert_max_num_queries(60):
        run_devices(run.pk)


@pytest.mark.lab
def test_a_run_waits_for_the_sealer_and_goes_on_by_itself(
    office: Office, seal: Seal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First before a device is connected to; then, as if another approval had come meanwhile, before its first line."""
    device = office.lab.device("fra-acc-01")
    before = device.running_config()
    change = office.approved(content=CONTENT, targets=ONE)
    run = change_start(change_id=change.pk, implementer=office.people["olivia"])
    run_devices(run.pk)
    assert ends(run) == {"fra-acc-01": ("pending", AUDIT_NOT_SEALED)}
    assert not RunStep.objects.filter(device_run__run=run).exists()

    seal()
    answers = [None, Unsealed(AUDIT_NOT_SEALED, "It waits.")]
    real = ApprovalSeals.against

    def asked(self: ApprovalSeals, revision_id: int) -> Unsealed | None:
        return answers.pop(0) if answers else real(self, revision_id)

    monkeypatch.setattr(ApprovalSeals, "against", asked)
    wait_until(lambda: run_devices(run.pk) > 0)
    assert ends(run) == {"fra-acc-01": ("pending", AUDIT_NOT_SEALED)}, story(run)
    steps = list(RunStep.objects.filter(device_run__run=run).values_list("name", "outcome"))
    assert steps == [("connecting", "ok"), ("checking", "ok")]
    assert device.running_config() == before

    office.worked_on(run)
    assert ends(run) == {"fra-acc-01": ("succeeded", "")}, story(run)


@pytest.mark.lab
def test_a_device_that_may_be_half_written_is_taken_back_whatever_the_log_proves(
    office: Office,
    process_environment: dict[str, str],
    settings: Any,  # noqa: ANN401 - pytest-django's
) -> None:
    device = office.lab.device("fra-acc-01")
    before = device.running_config()
    run = office.started(office.approved(content=CONTENT, targets=ONE))
    device.faults.latency_s = 0.15
    worker = RunnerProcess(run, process_environment)
    wait_until(lambda: sum(line in device.config_lines() for line in LINES) >= 3)
    kill(worker)
    device.faults.latency_s = 0
    settings.AUDIT_VERIFIERS = NEVER
    recover(office, run)
    assert ends(run) == {"fra-acc-01": ("rolled_back", "LEASE_LOST")}, story(run)
    assert device.running_config() == before


@pytest.mark.lab
def test_an_ordered_rollback_waits_too(office: Office, settings: Any) -> None:  # noqa: ANN401 - pytest-django's
    device = office.lab.device("fra-acc-01")
    before = device.running_config()
    change = office.approved(content=CONTENT, targets=ONE)
    run = office.executed(change)
    known, settings.AUDIT_VERIFIERS = settings.AUDIT_VERIFIERS, NEVER
    change_rollback(change_id=change.pk, implementer=office.people["olivia"], wish=Wish())
    run_devices(run.pk)
    assert ends(run) == {"fra-acc-01": ("rollback_pending", AUDIT_SEAL_BROKEN)}, story(run)
    assert device.running_config() != before
    settings.AUDIT_VERIFIERS = known
    rolled_back: Run = office.worked_on(run)
    assert ends(rolled_back) == {"fra-acc-01": ("rolled_back", "ROLLBACK_ORDERED")}, story(run)
    assert device.running_config() == before


def test_every_way_to_a_first_line_passes_the_gate() -> None:
    """Only one module hands lines to a driver, and its ways to a first line refuse to go without the gate's word."""
    root = Path(__file__).parents[3]
    sends = re.compile(r"\.(apply|replace)\(commands|driver\.(apply|replace)\(")
    found = {
        str(path.relative_to(root))
        for folder in ("changes", "devices", "portal")
        for path in (root / folder).rglob("*.py")
        if sends.search(path.read_text()) and not {"drivers", "lab"} & set(path.relative_to(root).parts)
    }
    assert found == {"changes/services/committing.py"}
    text = (root / "changes/services/committing.py").read_text()
    ways = [part for part in re.split(r"^def ", text, flags=re.MULTILINE) if sends.search(part)]
    assert [part.partition("(")[0] for part in ways] == ["send", "send_back", "replace_back"]
    assert all("work.assert_may_begin()" in part for part in ways)
