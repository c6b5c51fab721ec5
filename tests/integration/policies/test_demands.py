"""What the active policy asks is settled at submit, kept with its digest, and proved where it counts."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

from audit.models import Event
from changes.domain.approval_policy.demands import Demand, data_digest
from changes.domain.approval_policy.shipped_policies import BUILTIN_DEMAND
from changes.errors import PlanIntegrityError
from changes.models import ApprovalPolicyVersion, ChangeRequest, PlanRevision
from changes.services.demanding import demand_of, verify_demand
from changes.services.execution import change_start
from changes.services.requests import change_submit, change_withdraw
from changes.services.templates import template_deprecate
from devices.models import Device
from tests.database import as_owner
from tests.factories import Cast, actor, approved, draft, ready_plan, submitted
from tests.integration.policies.conftest import SECURITY_TOO, strict
from tests.integration.templates.conftest import approved_template, planned

Make = Callable[[str], ApprovalPolicyVersion]


def submit(author: User, devices: Sequence[Device], *, kind: str = "normal", facts: object = None) -> ChangeRequest:
    """A change of this type whose planning found these facts, submitted."""
    change = draft(author)
    ChangeRequest.objects.filter(pk=change.pk).update(type=kind)
    change.refresh_from_db()
    revision = ready_plan(change, devices)
    if facts is not None:
        revision.facts = facts
        revision.save(update_fields=["facts"])
    return change_submit(change_id=change.pk, requester=actor(author))


def asked(change: ChangeRequest) -> dict[str, int]:
    assert change.revision is not None
    return {each.stage.name: each.stage.quorum for each in demand_of(change.revision).stages}


def test_submit_keeps_what_the_policy_asks_with_its_digest_in_the_log(cast: Cast, devices: list[Device]) -> None:
    change = submitted(cast.author, devices)
    revision = change.revision
    assert revision is not None
    assert asked(change) == {"peer": 1, "cab": 1}
    event = Event.objects.get(object_type="plan_demand", object_id=str(revision.pk))
    assert event.state_to == revision.demand_digest == data_digest(revision.demand)
    submitting = Event.objects.get(action="change.submitted")
    assert json.loads(submitting.body)["details"]["demand_digest"] == revision.demand_digest


def test_what_planning_found_decides_who_is_asked(cast: Cast, devices: list[Device], activated: Make) -> None:
    activated(strict(rules=SECURITY_TOO))
    assert asked(submit(cast.author, devices, facts={"content": {"ntp": 2}})) == {"peer": 1, "cab": 2}
    touched = submit(cast.author, devices, facts={"content": {"acl": 1, "ntp": 2}})
    assert asked(touched) == {"peer": 1, "security": 1, "cab": 2}
    assert touched.revision is not None
    sentences = [each.sentence for each in demand_of(touched.revision).stages]
    assert sentences[1] == "Security is asked because an access list (ACL) is touched on 1 device."


def test_what_planning_did_not_find_is_asked_for(cast: Cast, devices: list[Device], activated: Make) -> None:
    activated(strict(rules=SECURITY_TOO))
    assert "security" in asked(submit(cast.author, devices, facts=None))


def test_an_emergency_goes_straight_to_two_of_the_ecab(cast: Cast, devices: list[Device]) -> None:
    change = submit(cast.author, devices, kind="emergency")
    assert (change.state, asked(change)) == ("authorization", {"ecab": 2})


def test_submitting_again_settles_again(cast: Cast, devices: list[Device], activated: Make) -> None:
    change = submitted(cast.author, devices)
    change_withdraw(change_id=change.pk, requester=actor(cast.author))
    activated(strict())
    again = change_submit(change_id=change.pk, requester=actor(cast.author))
    assert asked(again) == {"peer": 1, "cab": 2}


def test_a_revision_from_before_policies_were_data_falls_back_to_the_builtin_answer(
    cast: Cast, devices: list[Device]
) -> None:
    revision = ready_plan(draft(cast.author), devices)
    assert demand_of(revision) == BUILTIN_DEMAND


def weaker(revision: PlanRevision) -> dict[str, Any]:
    """The same demand, but without the CAB."""
    data: dict[str, Any] = json.loads(json.dumps(revision.demand))
    data["stages"] = data["stages"][:1]
    return data


def test_a_demand_that_was_altered_in_the_table_is_refused_at_the_start_and_named_on_the_page(
    cast: Cast, devices: list[Device], as_: Callable[[User], Client]
) -> None:
    change = approved(cast, devices)
    revision = change.revision
    assert revision is not None
    with transaction.atomic(), as_owner() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE changes_planrevision DISABLE TRIGGER USER")  # rolled back with the test
        cursor.execute(
            "UPDATE changes_planrevision SET demand = %s WHERE id = %s", [json.dumps(weaker(revision)), revision.pk]
        )
    with pytest.raises(PlanIntegrityError) as refused:
        change_start(change_id=change.pk, implementer=actor(cast.implementer))
    assert refused.value.code == "DEMAND_MISMATCH"
    page = as_(cast.author).get(reverse("change-detail", args=[change.pk]))
    assert page.status_code == 409
    assert "was altered after it was stored" in page.content.decode()


@pytest.mark.parametrize("assignment", [
    "demand = '{}'",
    "demand = NULL",
    "demand = NULL, demand_digest = ''",
    "demand_digest = repeat('0', 64)",
    "facts = '{}'",
])  # fmt: skip
def test_the_database_keeps_a_demand_and_the_facts(cast: Cast, devices: list[Device], assignment: str) -> None:
    change = submit(cast.author, devices, facts={"content": {"acl": 1}})
    with pytest.raises(DatabaseError):
        sql(f"UPDATE changes_planrevision SET {assignment} WHERE id = %s", change.revision_id)  # noqa: S608


def test_a_weaker_demand_with_its_own_digest_needs_an_event(cast: Cast, devices: list[Device]) -> None:
    revision = submitted(cast.author, devices).revision
    assert revision is not None
    data = weaker(revision)
    assert Demand.from_data(data), "it is well formed"
    values = (json.dumps(data), data_digest(data), revision.pk)
    connection.check_constraints()  # what was done so far is complete
    with pytest.raises(DatabaseError, match="no audit event"):
        sql("UPDATE changes_planrevision SET demand = %s, demand_digest = %s WHERE id = %s", *values)


def sql(statement: str, *values: str | int | None) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_a_start_is_refused_where_the_active_policy_asks_more_though_nobody_has_judged_the_change_yet(
    cast: Cast, devices: list[Device], activated: Make
) -> None:
    change = approved(cast, devices)
    activated(strict())
    with pytest.raises(PlanIntegrityError, match="2 approvals instead of 1") as refused:
        change_start(change_id=change.pk, implementer=actor(cast.implementer))
    assert refused.value.code == "POLICY_ASKS_MORE"
    change.refresh_from_db()
    assert change.state == "approved"


def test_a_window_that_was_moved_counts_as_a_policy_that_asks_more(
    cast: Cast, devices: list[Device], activated: Make
) -> None:
    rule = "  - {name: office, when: {window: {business_hours: touched}}, ask: [{stage: cab, quorum: 2}]}"
    activated(strict(quorum=1, rules=rule))
    change = draft(cast.author)
    ready_plan(change, devices)
    move_window(change, hour=22)
    change = change_submit(change_id=change.pk, requester=actor(cast.author))
    revision = change.revision
    assert revision is not None
    assert asked(change) == {"peer": 1, "cab": 1}
    verify_demand(change, revision)
    move_window(change, hour=9)
    with pytest.raises(PlanIntegrityError, match="2 approvals instead of 1"):
        verify_demand(change, revision)


def move_window(change: ChangeRequest, *, hour: int) -> None:
    """To an hour of the next Tuesday."""
    day = datetime.now(UTC).replace(hour=hour, minute=0, second=0, microsecond=0) + timedelta(days=1)
    start = day + timedelta(days=(1 - day.weekday()) % 7)
    ChangeRequest.objects.filter(pk=change.pk).update(window_start=start, window_end=start + timedelta(hours=1))
    change.refresh_from_db()


def test_a_pre_approved_change_does_not_start_when_its_template_has_lost_the_pre_approval(
    cast: Cast, devices: list[Device]
) -> None:
    version = approved_template(cast)
    change = planned(version, cast.author, devices)
    change = change_submit(change_id=change.pk, requester=actor(cast.author))
    assert (change.state, asked(change)) == ("approved", {})
    template_deprecate(template_id=version.template_id, actor=actor(cast.manager), comment="Old.")
    with pytest.raises(PlanIntegrityError, match="no longer pre-approved"):
        change_start(change_id=change.pk, implementer=actor(cast.author))


def test_each_decision_names_the_demand_that_it_was_given_under(cast: Cast, devices: list[Device]) -> None:
    revision = approved(cast, devices).revision
    assert revision is not None
    found = [json.loads(event.body)["details"] for event in Event.objects.filter(action="approval.approved")]
    assert [each["demand_digest"] for each in found] == [revision.demand_digest] * 2
