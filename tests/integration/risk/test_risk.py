"""The risk of a change by what the database knows, what people answer, and the levels that they set."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import IntegrityError, InternalError, ProgrammingError, connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from audit.models import Event
from changes.domain.errors import ChangeError, InvalidInputError
from changes.errors import ConflictError, DigestMismatchError, PolicyDeniedError
from changes.models import ChangeRequest, DevicePlan, PlanRevision, RiskAssessment, RiskOverride
from changes.services.requests import change_edit, change_withdraw
from changes.services.risk import risk_assess
from changes.services.risk_decisions import risk_answer, risk_override
from changes.services.risk_facts import risk_facts
from devices.models import Device, DeviceAddresses, SnapshotPurpose
from devices.services.address_index import addresses_fill, addresses_keep, addresses_used
from devices.services.snapshots import snapshot_store
from tests.database import as_owner
from tests.factories import Cast, actor, draft, ready_plan, submitted

WARNED: dict[str, Any] = {
    "kinds": ["acl", "interface"],
    "warnings": [
        {"code": "MANAGEMENT_ACL", "severity": "critical", "line": "x", "sentence": "y", "number": 1, "path": []},
        {"code": "", "severity": "", "line": "", "sentence": "a note of planning", "number": None, "path": []},
    ],
}


def planned(cast: Cast, devices: list[Device], **found: object) -> tuple[ChangeRequest, PlanRevision]:
    """A draft whose plan is ready and assessed."""
    change = draft(cast.author)
    revision = ready_plan(change, devices, found=found)
    risk_assess(change, revision)
    return change, revision


def newest(change: ChangeRequest) -> RiskAssessment:
    return RiskAssessment.objects.filter(change=change).order_by("-pk")[0]


def test_the_facts_come_from_the_inventory_and_the_plan(cast: Cast, devices: list[Device]) -> None:
    change, revision = planned(cast, devices, **WARNED)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        facts = risk_facts(change, revision)
    assert len(queries) <= 4
    assert (facts.devices, facts.share_percent) == (3, 75)
    assert facts.alone == 3, "both members of the pair are changed, and the third device has no partner"
    assert facts.criticality == "high"
    assert facts.timing is None
    assert facts.warnings is not None
    assert (facts.warnings.critical, facts.warnings.major) == (3, 0)
    assert (facts.unprotected, facts.rollback) == (3, "computed")
    assert revision.facts is not None
    assert revision.facts["content"] == {"acl": 3, "interface": 3}


def test_a_partner_that_stays_as_it_is_makes_a_device_less_alone(cast: Cast, devices: list[Device]) -> None:
    change, revision = planned(cast, devices[:1])
    assert risk_facts(change, revision).alone == 0


def test_one_device_of_unknown_criticality_leaves_the_question_open(cast: Cast, devices: list[Device]) -> None:
    Device.objects.filter(pk=devices[0].pk).update(criticality="")
    change, revision = planned(cast, devices)
    assert risk_facts(change, revision).criticality is None
    Device.objects.filter(pk=devices[1].pk).update(criticality="vital")
    assert risk_facts(change, revision).criticality == "vital"


def test_an_answer_is_open_again_once_the_inventory_says_more(cast: Cast, devices: list[Device]) -> None:
    Device.objects.update(criticality="")
    change, revision = planned(cast, devices)
    call = {"change_id": change.pk, "actor": actor(cast.author), "plan_digest": revision.digest}
    assert risk_answer(fact="criticality", answer="low", **call).facts["criticality"] == "low"  # type: ignore[arg-type]
    Device.objects.filter(pk=devices[0].pk).update(criticality="high")
    risk_assess(change, revision)
    assert newest(change).facts["criticality"] is None
    with pytest.raises(InvalidInputError):
        risk_answer(fact="criticality", answer="normal", **call)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("start", "timing"),
    [(datetime(2027, 3, 2, 10, tzinfo=UTC), "business_hours"), (datetime(2027, 3, 2, 22, tzinfo=UTC), "out_of_hours")],
)
def test_the_window_of_the_change_says_when(cast: Cast, devices: list[Device], start: datetime, timing: str) -> None:
    change, revision = planned(cast, devices)
    change.window_start, change.window_end = start, start.replace(hour=start.hour + 1)
    assert risk_facts(change, revision).timing == timing


def test_equal_facts_add_no_row_and_no_event(cast: Cast, devices: list[Device]) -> None:
    change, revision = planned(cast, devices)
    risk_assess(change, revision)
    assert RiskAssessment.objects.count() == 1
    assert Event.objects.filter(action="risk.assessed").count() == 1
    row = newest(change)
    assert (row.level, row.score) == (change.risk_level, row.result["score"])


def test_an_answer_lowers_the_score_and_is_marked_as_a_persons(cast: Cast, devices: list[Device]) -> None:
    change, revision = planned(cast, devices)
    before = newest(change).score
    answer = {"fact": "timing", "answer": "out_of_hours", "plan_digest": revision.digest}
    row = risk_answer(change_id=change.pk, actor=actor(cast.author), **answer)
    assert row.score == before - 5
    assert row.facts["answered"] == ["timing"]
    assert Event.objects.filter(action="risk.answered", change_id=change.pk).count() == 1
    change.refresh_from_db()
    assert change.risk_level == row.level


@pytest.mark.parametrize(
    ("fact", "answer"),
    [("devices", "1"), ("timing", "never"), ("weather", "fine")],
    ids=["known", "no_such", "unknown"],
)
def test_what_is_known_or_unknown_is_not_answered(cast: Cast, devices: list[Device], fact: str, answer: str) -> None:
    change, revision = planned(cast, devices)
    with pytest.raises(InvalidInputError):
        risk_answer(
            change_id=change.pk, actor=actor(cast.author), fact=fact, answer=answer, plan_digest=revision.digest
        )
    assert RiskAssessment.objects.count() == 1


@pytest.mark.parametrize("name", ["peer", "approver", "auditor", "outsider", "superuser"])
def test_nobody_else_answers_or_sets_a_level(cast: Cast, devices: list[Device], name: str) -> None:
    change, revision = planned(cast, devices)
    who = actor(getattr(cast, name))
    with pytest.raises(PolicyDeniedError):
        risk_answer(change_id=change.pk, actor=who, fact="timing", answer="out_of_hours", plan_digest=revision.digest)
    with pytest.raises(PolicyDeniedError):
        risk_override(change_id=change.pk, actor=who, level="high", plan_digest=revision.digest)
    assert Event.objects.filter(action__in=["change.risk_answer_refused", "change.risk_override_refused"]).count() == 2


def test_the_requester_raises_and_only_a_manager_lowers_with_a_reason(cast: Cast, devices: list[Device]) -> None:
    change, revision = planned(cast, devices)
    assert newest(change).level == "medium"
    call: dict[str, Any] = {"change_id": change.pk, "plan_digest": revision.digest}
    assert risk_override(actor=actor(cast.author), level="high", **call).level == "high"
    with pytest.raises(PolicyDeniedError):
        risk_override(actor=actor(cast.author), level="low", reason="I know that it is harmless.", **call)
    with pytest.raises(PolicyDeniedError) as short:
        risk_override(actor=actor(cast.manager), level="low", **call)
    assert short.value.code == "REASON_MISSING"
    row = risk_override(actor=actor(cast.manager), level="low", reason="It was rehearsed in the lab.", **call)
    assert (row.level, row.computed) == ("low", "medium")
    change.refresh_from_db()
    assert change.risk_level == "low"


def test_a_lower_level_holds_for_its_plan_alone_and_a_higher_one_comes_back(cast: Cast, devices: list[Device]) -> None:
    change, revision = planned(cast, devices)
    call: dict[str, Any] = {"change_id": change.pk, "plan_digest": revision.digest}
    risk_override(actor=actor(cast.author), level="high", **call)
    risk_override(actor=actor(cast.manager), level="low", reason="It was rehearsed in the lab.", **call)
    change = change_edit(change_id=change.pk, data={"content": "ntp server 192.0.2.7\n"}, editor=actor(cast.author))
    assert change.risk_level == ""
    again = ready_plan(change, devices, commands=("ntp server 192.0.2.7",), found={})
    risk_assess(change, again)
    assert (newest(change).level, newest(change).computed) == ("high", "medium")


def test_in_review_the_risk_is_raised_and_never_lowered(cast: Cast, devices: list[Device]) -> None:
    change = submitted(cast.author, devices)
    assert change.revision is not None
    call: dict[str, Any] = {"change_id": change.pk, "plan_digest": change.revision.digest}
    held = change.risk_level
    assert held in {"medium", "high"}
    if held != "high":
        risk_override(actor=actor(cast.manager), level="high", **call)
    with pytest.raises(ConflictError) as refused:
        risk_override(actor=actor(cast.manager), level="low", reason="It was rehearsed in the lab.", **call)
    assert refused.value.code == "RISK_IN_REVIEW"
    change_withdraw(change_id=change.pk, requester=actor(cast.author))
    assert risk_override(actor=actor(cast.manager), level="low", reason="Rehearsed in the lab.", **call).level == "low"


def test_another_plan_than_the_person_saw_is_refused(cast: Cast, devices: list[Device]) -> None:
    change, _revision = planned(cast, devices)
    with pytest.raises(DigestMismatchError):
        risk_override(change_id=change.pk, actor=actor(cast.author), level="high", plan_digest="0" * 64)


def refused_by_the_database(statement: str, *values: int) -> str:
    refusals = (IntegrityError, InternalError, ProgrammingError)
    with pytest.raises(refusals) as error, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)
    return str(error.value)


def saved_and_checked(row: RiskOverride) -> None:
    row.save()
    connection.check_constraints()


def test_the_database_lets_nobody_walk_around(cast: Cast, devices: list[Device]) -> None:
    change, revision = planned(cast, devices, **WARNED)
    row = newest(change)
    assert "stays" in refused_by_the_database("UPDATE changes_riskassessment SET level = 'low' WHERE id = %s", row.pk)
    delete = "DELETE FROM changes_riskassessment WHERE id = %s"
    assert "permission denied" in refused_by_the_database(delete, row.pk)
    with as_owner():
        assert "stays" in refused_by_the_database(delete, row.pk)
    plan = DevicePlan.objects.filter(revision=revision)[0]
    emptied = "UPDATE changes_deviceplan SET warnings = '[]' WHERE id = %s"
    assert "Build a new plan" in refused_by_the_database(emptied, plan.pk)
    own = RiskOverride(
        change=change, revision=revision, plan_digest=revision.digest, level="low", computed="high", reason="none"
    )
    own.person = cast.author
    with pytest.raises(IntegrityError, match="GATE_SELF_APPROVAL"), transaction.atomic():
        own.save()
    own.person = cast.manager
    with pytest.raises(IntegrityError, match="no audit event"), transaction.atomic():
        saved_and_checked(own)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE changes_planrevision SET state = 'building' WHERE id = %s",
        "UPDATE changes_planrevision SET facts = '{}' WHERE id = %s",
        "DELETE FROM changes_deviceplan WHERE revision_id = %s",
        """INSERT INTO changes_deviceplan (revision_id, device_id, position, wave, state, code, detail, payload, digest,
               diff_source, diff_group, rules, lines_added, lines_removed, warnings, kinds, new_addresses, rollback,
               gates, fence, losses)
           SELECT revision_id, device_id, position + 9, wave, state, code, detail, payload, digest, diff_source,
               diff_group, rules, lines_added, lines_removed, '[]', kinds, new_addresses, rollback, gates, fence, losses
           FROM changes_deviceplan WHERE revision_id = %s""",
    ],
    ids=["back to building", "facts", "without a device", "with another device plan"],
)
def test_a_submitted_plan_stays_as_it_is(cast: Cast, devices: list[Device], statement: str) -> None:
    change = submitted(cast.author, devices)
    assert change.revision is not None
    assert "Build a new plan" in refused_by_the_database(statement, change.revision.pk)


def test_a_draft_that_people_decided_on_before_keeps_what_they_were_shown(cast: Cast, devices: list[Device]) -> None:
    change = submitted(cast.author, devices)
    assert change.revision is not None
    change_withdraw(change_id=change.pk, requester=actor(cast.author))
    back = "UPDATE changes_planrevision SET state = 'building' WHERE id = %s"
    assert "Build a new plan" in refused_by_the_database(back, change.revision.pk)


def test_the_level_of_a_submitted_change_is_not_set_by_hand(cast: Cast, devices: list[Device]) -> None:
    change = submitted(cast.author, devices)
    told = refused_by_the_database("UPDATE changes_changerequest SET risk_level = 'low' WHERE id = %s", change.pk)
    assert "newest assessment" in told


def test_a_refusal_leaves_nothing_behind_but_its_event(cast: Cast, devices: list[Device]) -> None:
    change, revision = planned(cast, devices)
    with pytest.raises(ChangeError):
        risk_override(change_id=change.pk, actor=actor(cast.author), level="extreme", plan_digest=revision.digest)
    assert not RiskOverride.objects.exists()
    assert Event.objects.filter(action="change.risk_override_refused").count() == 1


def test_configurations_from_before_the_index_are_indexed_later(db: None, devices: list[Device]) -> None:
    text = "hostname x\ninterface Vlan99\n ip address 10.5.0.1 255.255.255.0\n"
    snapshot_store(device=devices[0], text=text, purpose=SnapshotPurpose.BACKUP)
    DeviceAddresses.objects.all().delete()
    assert addresses_fill() == 1
    assert DeviceAddresses.objects.get().addresses == ["10.5.0.1"]
    assert addresses_fill() == 0
    [use] = addresses_used(["10.5.0.1"], apart_from=devices[1])["10.5.0.1"]
    assert (use.device, use.interface) == ("fra-acc-01", "Vlan99")
    assert not addresses_used(["10.5.0.1"], apart_from=devices[0])
    Device.objects.filter(pk=devices[0].pk).update(status="missing")
    assert not addresses_used(["10.5.0.1"], apart_from=devices[1])


def test_an_older_snapshot_never_replaces_the_addresses_of_a_newer_one(db: None, devices: list[Device]) -> None:
    for number, address in ((7, "10.5.0.7"), (6, "10.5.0.6")):
        config = f"interface Vlan99\n ip address {address} 255.255.255.0\n"
        addresses_keep(devices[0], snapshot_id=number, sha256=str(number), config=config)
    assert DeviceAddresses.objects.get().addresses == ["10.5.0.7"]


def test_storing_a_text_that_is_indexed_costs_one_query(
    db: None, devices: list[Device], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    text = "interface Vlan99\n ip address 10.5.0.1 255.255.255.0\n"
    with django_assert_num_queries(2):
        snapshot_store(device=devices[0], text=text, purpose=SnapshotPurpose.PLAN)
    with django_assert_num_queries(1):
        snapshot_store(device=devices[0], text=text, purpose=SnapshotPurpose.BEFORE)
