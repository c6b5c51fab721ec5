"""People, changes and decisions for the tests of approvals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from audit.actor import Actor
from changes.domain.approval_policy.evaluation import evaluate
from changes.domain.approval_policy.parsing import parse_policy
from changes.domain.approval_policy.shipped_policies import shipped_policy
from changes.models import Approval, ChangeRequest, Delegation, PlanRevision
from changes.services.approvals import change_approve, change_assess, plan_open
from changes.services.delegations import delegation_create
from changes.services.demanding import demand_store, plan_facts
from changes.services.requests import change_submit
from devices.models import Device
from tests.database import as_owner
from tests.factories import actor, draft, ready_plan

CLERK = Actor.system("test")


def stage(name: str, *groups: str, step: str = "authorization", **more: object) -> dict[str, object]:
    return {"name": name, "title": name.title(), "step": step, "groups": list(groups or (name,)), **more}


def asked(change: ChangeRequest, *stages: dict[str, object], duties: Sequence[str] = ()) -> PlanRevision:
    """Let another policy have asked these stages of a change in review; a real evaluation of a real document."""
    change.refresh_from_db()
    revision = change.revision
    assert revision is not None
    document = {
        **shipped_policy("builtin").to_data(), "name": "test", "stages": list(stages),
        "rules": [{"name": "all", "when": "always", "ask": [{"stage": one["name"]} for one in stages],
                   "duties": list(duties)}],
    }  # fmt: skip
    found = plan_facts(change, revision)
    demand_store(change, revision, evaluate(parse_policy(document), found), found, actor=CLERK)
    change.refresh_from_db()
    return revision


def in_review(author: User, devices: Sequence[Device], *stages: dict[str, object], **more: Any) -> ChangeRequest:  # noqa: ANN401
    """A submitted change, of which these stages are asked, or those of the active policy."""
    change = draft(author, **more.pop("draft", {}))
    ready_plan(change, devices)
    change = change_submit(change_id=change.pk, requester=actor(author))
    if stages:
        asked(change, *stages, **more)
    return again(change)


def again(change: ChangeRequest) -> ChangeRequest:
    return ChangeRequest.objects.select_related("revision").get(pk=change.pk)


def opened(change: ChangeRequest, *people: User) -> str:
    """Let people open the plan; gives its digest."""
    revision = again(change).revision
    assert revision is not None
    for person in people:
        plan_open(revision=revision, actor=actor(person))
    return revision.digest


def decide(change: ChangeRequest, person: User, *, on_behalf_of: User | None = None) -> Approval:
    """Open and approve, in whatever step the change is."""
    digest = opened(change, person)
    service = change_assess if again(change).state == "assessment" else change_approve
    absent = on_behalf_of.pk if on_behalf_of else None
    return service(change_id=change.pk, approver=actor(person), plan_digest=digest, on_behalf_of=absent)


def delegates(principal: User, delegate: User | None, *, days: float = 5, **more: object) -> Delegation:
    end = timezone.now() + timedelta(days=days)
    name = delegate.username if delegate else ""
    return delegation_create(actor=actor(principal), data={"delegate": name, "ends_at": end.isoformat(), **more})


def risk(change: ChangeRequest, level: str) -> None:
    """As if the risk had been judged so; the guard that keeps the level of the assessment is off meanwhile."""
    with guard_off("changes_changerequest", "changes_changerequest_risk_level"):
        ChangeRequest.objects.filter(pk=change.pk).update(risk_level=level)


@contextmanager
def guard_off(table: str, trigger: str) -> Iterator[None]:
    """One of the database's triggers is off in the block, in the transaction of the test alone."""
    with as_owner() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")
        yield
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
