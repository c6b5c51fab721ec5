"""Who may not decide is refused on every route: page, API, admin, service, SQL. Superusers are not exempt."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import Resolver404, resolve
from rest_framework.test import APIClient

from audit.actor import Actor
from audit.models import Event
from audit.recorder import record
from changes.errors import PlanIntegrityError, PolicyDeniedError
from changes.models import Approval, ChangeRequest, PlanRevision, Run
from changes.services.approvals import change_approve, change_assess
from changes.services.deciding import decision_store
from changes.services.execution import change_start
from changes.services.people import person_of
from devices.models import Device
from tests.database import as_owner
from tests.factories import Cast, actor, joins, leaves_all, state_told
from tests.integration.approvals.office import again, decide, delegates, in_review, opened, stage

ALL = ("requester", "peer", "cab", "ecab", "security", "implementer", "change-manager")
FORBIDDEN = (
    "author",
    "last editor",
    "earlier editor",
    "absent editor",
    "implementer",
    "approver",
    "auditor",
    "outsider",
)
Forbidden = tuple[ChangeRequest, User, User | None]


def forbidden(case: str, cast: Cast, devices: list[Device]) -> Forbidden:
    """A change in its authorization, somebody who must not approve it, a superuser too, and for whom they try."""
    person = joins(cast.superuser, *ALL)
    absent = None
    change = in_review(
        person if case == "author" else cast.author, devices, stage("peer", step="assessment"),
        stage("cab", delegates=["peer"]),
    )  # fmt: skip
    if case == "last editor":
        ChangeRequest.objects.filter(pk=change.pk).update(last_editor=person)
    elif case == "earlier editor":
        change.editors.add(person)
    elif case == "absent editor":
        absent = joins(cast.outsider, "cab")
        delegates(absent, person)
        change.editors.add(absent)
    elif case == "auditor":
        joins(person, "auditor")
    elif case == "outsider":
        leaves_all(person)
    if case == "approver":
        decide(change, person)
    else:
        decide(change, cast.peer)
    if case == "implementer":
        Run.objects.bulk_create(
            [Run(change=change, revision=again(change).revision, plan_digest="0" * 64, state="ended", device_count=0,
                 started_by=person, strategy={})]
        )  # fmt: skip
        event("run", Run.objects.get().pk, "ended")
    opened(change, person)
    return again(change), person, absent


def by_service(change: ChangeRequest, person: User, absent: User | None) -> bool:
    assert change.revision
    for service in (change_approve, change_assess):
        try:
            service(
                change_id=change.pk, approver=actor(person), plan_digest=change.revision.digest,
                on_behalf_of=absent.pk if absent else None,
            )  # fmt: skip
        except Exception:  # noqa: BLE001, S112 - whatever refuses it
            continue
        return True
    return False


def by_shell(change: ChangeRequest, person: User, absent: User | None) -> bool:
    """The inner function that stores a decision, called past every rule, with the event that it needs."""
    try:
        with transaction.atomic():
            row = decision_store(
                change, change.revision, "approved", person_of(actor(person)), "", stage="cab", group="cab",  # type: ignore[arg-type]
                on_behalf_of=absent.pk if absent else None,
            )  # fmt: skip
            forged(row.pk, change)
    except (DatabaseError, PolicyDeniedError):
        return False
    return True


def by_sql(change: ChangeRequest, person: User, absent: User | None) -> bool:
    """A row by SQL, with a forged event."""
    assert change.revision
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                'INSERT INTO changes_approval (change_id, revision_id, stage, decision, approver_id, "group",'
                " on_behalf_of_id, plan_digest, carried_from, comment, void_cause)"
                " VALUES (%s, %s, 'cab', 'approved', %s, 'cab', %s, %s, '', '', '') RETURNING id",
                [change.pk, change.revision.pk, person.pk, absent.pk if absent else None, change.revision.digest],
            )
            forged(cursor.fetchone()[0], change)
    except DatabaseError:
        return False
    return True


def by_api(change: ChangeRequest, person: User, absent: User | None) -> bool:
    assert change.revision
    client = APIClient()
    client.force_login(person)
    body = {"plan_digest": change.revision.digest} | ({"on_behalf_of": absent.username} if absent else {})
    answers = [
        client.post(f"/api/v1/changes/{change.pk}/{what}/", body, format="json") for what in ("approve", "assess")
    ]
    assert all(answer.status_code in {403, 409} for answer in answers), [answer.content for answer in answers]
    return any(answer.status_code == 200 for answer in answers)


def by_page(change: ChangeRequest, person: User, absent: User | None) -> bool:
    assert change.revision
    client = Client()
    client.force_login(person)
    body = {"plan_digest": change.revision.digest, "on_behalf_of": str(absent.pk) if absent else ""}
    answers = [client.post(f"/changes/{change.pk}/{what}/", body) for what in ("approve", "assess")]
    assert all(answer.status_code in {403, 409} for answer in answers), [answer.status_code for answer in answers]
    return any(answer.status_code == 302 for answer in answers)


def event(kind: str, object_id: int, state: str) -> None:
    """An event that somebody forged."""
    record(
        actor=Actor.system("forger"), action=f"{kind}.forged", object_type=kind, object_id=object_id,
        object_label="forged", state_from=state_told(kind, object_id), state_to=state,
    )  # fmt: skip


def forged(approval_id: int, change: ChangeRequest) -> None:
    record(
        actor=Actor.system("forger"), action="approval.approved", object_type="approval", object_id=approval_id,
        object_label="forged", change_id=change.pk, state_to="approved",
    )  # fmt: skip


ROUTES: dict[str, Callable[[ChangeRequest, User, User | None], bool]] = {
    "service": by_service, "shell": by_shell, "sql": by_sql, "api": by_api, "page": by_page,
}  # fmt: skip


@pytest.mark.parametrize("case", FORBIDDEN)
def test_who_may_not_approve_is_refused_on_every_route(cast: Cast, devices: list[Device], case: str) -> None:
    change, person, absent = forbidden(case, cast, devices)
    before = set(Approval.objects.values_list("pk", flat=True))
    for name, route in ROUTES.items():
        assert not route(change, person, absent), name
        assert set(Approval.objects.values_list("pk", flat=True)) == before, name
        assert again(change).state == "authorization", name


def test_the_same_routes_let_somebody_else_approve(cast: Cast, devices: list[Device]) -> None:
    for name, route in ROUTES.items():
        change, _person, _absent = forbidden("author", cast, devices) if name == "service" else (
            in_review(cast.author, devices), cast.peer, None
        )  # fmt: skip
        if again(change).state == "assessment":
            decide(change, cast.peer)
        opened(change, cast.approver)
        if name in {"api", "page"}:
            continue  # their answers are asserted to be refusals
        assert route(again(change), cast.approver, None), name


def test_there_is_no_admin_site_to_walk_around_the_rules() -> None:
    for address in ("/admin/", "/admin/changes/approval/add/"):
        with pytest.raises(Resolver404):
            resolve(address)


STATES = ("approved", "scheduled", "implementing", "paused", "rolling_back", "review")


def moved_by_sql(change: ChangeRequest, state: str, **columns: str | int) -> bool:
    """An UPDATE with a forged event, as somebody with the application's database role could send it."""
    names = ", ".join(f"{name} = %s" for name in ("state", *columns))
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            values: list[str | int] = [state, *columns.values(), change.pk]
            cursor.execute(f"UPDATE changes_changerequest SET {names} WHERE id = %s", values)  # noqa: S608 - from this file
            record(
                actor=Actor.system("forger"), action="change.authorized", object_type="change", object_id=change.pk,
                object_label="forged", change_id=change.pk, state_from=state_told("change", change.pk), state_to=state,
            )  # fmt: skip
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    except DatabaseError as error:
        if "PLAN_NOT_APPROVED" not in str(error):
            raise
        return False
    return True


@pytest.mark.parametrize("given", [0, 1])
def test_no_update_by_sql_approves_a_change_short_of_its_quorum(cast: Cast, devices: list[Device], given: int) -> None:
    change = in_review(cast.author, devices)
    for person in (cast.peer,)[:given]:
        decide(change, person)
    for state in STATES:
        assert not moved_by_sql(change, state), state
        assert not moved_by_sql(change, state, type="standard"), state
    assert again(change).state in {"assessment", "authorization"}


def test_an_update_by_sql_counts_what_was_given_and_nothing_else(cast: Cast, devices: list[Device]) -> None:
    change, other = in_review(cast.author, devices), in_review(cast.author, devices)
    for person in (cast.peer, cast.approver):
        decide(other, person)
    decide(change, cast.peer)
    approved_plan = again(other).revision
    assert approved_plan
    assert not moved_by_sql(change, "approved", revision_id=approved_plan.pk), "another change's plan"
    assert moved_by_sql(other, "scheduled")
    Approval.objects.filter(change=other, stage="cab").update(voided_at="2026-01-01T00:00:00Z")
    assert not moved_by_sql(other, "implementing"), "void ones no longer count"
    with pytest.raises(DatabaseError, match="stays"), transaction.atomic():
        PlanRevision.objects.filter(pk=approved_plan.pk).update(demand={"stages": []}, demand_digest="1" * 64)
    other.refresh_from_db()
    other.editors.add(cast.peer)
    assert not moved_by_sql(other, "implementing"), "nor those of somebody who wrote a part of it since"


def test_an_empty_demand_approves_nothing(cast: Cast, devices: list[Device]) -> None:
    change = in_review(cast.author, devices)
    empty = {"stages": [], "duties": [], "pre_approved": True}
    PlanRevision.objects.filter(change=change).update(demand=empty, demand_digest="1" * 64)
    event("plan_demand", change.revision_id or 0, "1" * 64)
    for kind in ("normal", "emergency", "standard"):
        assert not moved_by_sql(change, "approved", type=kind), kind


def test_a_demand_that_was_made_weaker_in_review_does_not_start(cast: Cast, devices: list[Device]) -> None:
    """With its digest and its event, as somebody with the application's database role could: it leaves that event."""
    change = in_review(
        cast.author, devices, stage("peer", "peer", "requester", step="assessment"), stage("cab", delegates=["cab"])
    )
    decide(change, cast.colleague)
    decide(change, cast.approver)
    assert again(change).state == "approved"
    assert Event.objects.filter(action="plan_demand.replaced", object_id=str(change.revision_id)).exists()
    with pytest.raises(PlanIntegrityError, match="members of Requester no longer approve") as refusal:
        change_start(change_id=change.pk, implementer=actor(cast.implementer))
    assert refusal.value.code == "POLICY_ASKS_MORE"


def test_who_approved_starts_no_run_by_sql_either(cast: Cast, devices: list[Device]) -> None:
    change = in_review(
        cast.author, devices, stage("peer", step="assessment"), stage("cab"), duties=["implementer_apart"]
    )
    decide(change, cast.peer)
    decide(change, cast.approver)
    revision = again(change).revision
    assert revision
    for person in (cast.peer, cast.approver, cast.author):
        run = Run(change=change, revision=revision, plan_digest=revision.digest, state="running", device_count=1,
                  started_by=person, strategy={})  # fmt: skip
        with pytest.raises(DatabaseError, match="GATE_SELF_APPROVAL"), transaction.atomic():
            run.save()


EDITS = (
    "DELETE FROM changes_approval",
    "TRUNCATE changes_approval CASCADE",
    "UPDATE changes_approval SET approver_id = %(other)s",
    "UPDATE changes_approval SET on_behalf_of_id = %(other)s",
    "UPDATE changes_approval SET created_at = created_at + interval '1 day'",
    "DELETE FROM changes_delegation",
    "UPDATE changes_delegation SET ends_at = ends_at + interval '1 day'",
    "UPDATE changes_delegation SET delegate_id = %(other)s",
    "UPDATE changes_changerequest SET author_id = %(other)s",
    "UPDATE changes_changerequest_editors SET user_id = %(other)s",
    "DELETE FROM changes_changerequest_editors",
    "TRUNCATE changes_changerequest_editors",
    "UPDATE changes_run SET started_by_id = %(other)s",
    "DELETE FROM changes_run_implementers",
    "TRUNCATE changes_run_implementers",
)


def test_decisions_delegations_and_who_had_a_hand_in_it_stay_as_they_were(cast: Cast, devices: list[Device]) -> None:
    change = in_review(cast.author, devices)
    decide(change, cast.peer)
    delegates(cast.approver, cast.peer)
    Run.objects.bulk_create(
        [Run(change=change, revision=again(change).revision, plan_digest="0" * 64, state="ended", device_count=0,
             started_by=cast.implementer, strategy={})]
    )  # fmt: skip
    run = Run.objects.get()
    event("run", run.pk, "ended")
    run.implementers.add(cast.second_approver)
    roles: tuple[Callable[[], AbstractContextManager[object]], ...] = (nullcontext, as_owner)
    for edit, role in itertools.product(EDITS, roles):
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        with pytest.raises(DatabaseError), transaction.atomic(), role(), connection.cursor() as cursor:
            cursor.execute(edit, {"other": cast.colleague.pk})


def test_an_editor_by_sql_takes_the_place_of_nobody(cast: Cast, devices: list[Device]) -> None:
    """The column of the last editor alone would forget who edited before."""
    author = joins(cast.author, "peer")
    change = in_review(author, devices)
    for person in (joins(cast.colleague, "peer"), author):
        ChangeRequest.objects.filter(pk=change.pk).update(last_editor=person)
    for person in (cast.colleague, author):
        with pytest.raises(PolicyDeniedError):
            decide(change, person)


def test_a_delegation_by_sql_needs_its_event_and_its_limits(cast: Cast) -> None:
    insert = (
        "INSERT INTO changes_delegation (principal_id, delegate_id, starts_at, ends_at, groups, out_of_office, reason)"
        " VALUES (%s, %s, now(), now() + interval '{}', '{{}}', false, '')"
    )
    for length, delegate in (("93 days", cast.peer.pk), ("1 day", cast.approver.pk), ("1 day", cast.peer.pk)):
        statement = f"{insert.format(length)}; SET CONSTRAINTS ALL IMMEDIATE"
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, [cast.approver.pk, delegate])


def test_two_people_are_never_counted_as_three(cast: Cast, devices: list[Device]) -> None:
    """By SQL: whoever approved, or was acted for, is in no further live row of the revision."""
    change = in_review(
        cast.author, devices, stage("peer", step="assessment"), stage("cab", quorum=3, delegates=["cab"])
    )
    decide(change, cast.peer)
    delegates(cast.approver, cast.second_approver)
    decide(change, cast.second_approver, on_behalf_of=cast.approver)
    opened(change, cast.approver, cast.second_approver, cast.peer)
    for person, absent in itertools.product((cast.approver, cast.second_approver, cast.peer), (None, cast.approver)):
        if person != absent:
            assert not by_sql(again(change), person, absent)
