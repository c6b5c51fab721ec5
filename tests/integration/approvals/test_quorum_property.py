"""No sequence of calls by any set of people short of the quorum reaches *implementing*.

The calls are those of the REST API, on PostgreSQL, under the shipped policies and small random ones. Who is short is
told by counting (:mod:`.short_sets`). It is asked twice: of the product as it is, and with the database's guards of
approvals switched off, so that the services have to hold alone; and the guards must never have to step in.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import example as example_of
from hypothesis import strategies as st
from rest_framework.test import APIClient

from audit.actor import Actor, Origin
from changes.domain.approval_policy.shipped_policies import shipped_policy
from changes.models import ApprovalPolicyVersion, ChangeRequest, Delegation, DevicePlan, PlanRevision, Run
from changes.services.approval_policies import policy_propose, policy_save_draft
from changes.services.planning import revision_finish
from changes.services.policy_activation import policy_activate
from tests.database import as_owner
from tests.factories import COMMANDS, DIFF, DRAFT, DeviceFactory, PersonFactory, _device_plan
from tests.integration.approvals.short_sets import Roles, can_approve, is_short, shortened, stages_asked

EXAMPLES = int(os.environ.get("COUNTERSIGN_PROPERTY_EXAMPLES", "6"))
KINDS = ("normal", "emergency")
NAMES = ("ada", "ben", "cem", "dia", "eli", "fay", "gil")
GROUPS = ("requester", "peer", "cab", "ecab", "security", "service-owner", "implementer", "change-manager", "auditor")
GUARDS = {
    "changes_changerequest": ("changes_changerequest_quorum",),
    "changes_approval": ("changes_approval_judged", "changes_approval_separation_of_duties"),
    "changes_run": ("changes_run_started_apart",),
}
BEYOND = {"approved", "scheduled", "implementing", "paused", "rolling_back", "review", "closed"}


@dataclass
class World:
    """One change, the people who may call the API about it, and what they did."""

    clients: Mapping[str, APIClient]
    change_id: int = 0
    told: list[str] = field(default_factory=list)
    approvals: int = 0

    def post(self, name: str, path: str, body: Mapping[str, object] | None = None) -> Any:  # noqa: ANN401
        response = self.clients[name].post(f"/api/v1/{path}", body or {}, format="json")
        code = response.json().get("code", "") if response.status_code >= 400 else ""
        self.told.append(f"{name} {path} {json.dumps(body)[:120] if body else ''}: {response.status_code} {code}")
        assert response.status_code < 500, self.told
        return response

    def act(self, name: str, what: str, body: Mapping[str, object] | None = None) -> Any:  # noqa: ANN401
        response = self.post(name, f"changes/{self.change_id}/{what}/", body)
        if what in {"assess", "approve"}:
            refused = response.json().get("code")
            assert refused != "PLAN_NOT_APPROVED", (
                "the database had to refuse what a service let pass",
                self.told,
            )
            self.approvals += response.status_code == 200
        return response

    def digest(self, name: str) -> str:
        """Open the plan, as a reviewer does, and give its digest."""
        found = self.clients[name].get(f"/api/v1/changes/{self.change_id}/plan/")
        return str(found.json().get("digest") or "0" * 64) if found.status_code == 200 else "0" * 64

    @property
    def state(self) -> str:
        return str(ChangeRequest.objects.values_list("state", flat=True).get(pk=self.change_id))


def build(world: World) -> None:
    """Build a plan that was asked for, as the workers do, but for the visits to the devices."""
    revision = PlanRevision.objects.filter(change_id=world.change_id, state="building").first()
    if revision is None:
        return
    devices = [plan.device for plan in DevicePlan.objects.filter(revision=revision).select_related("device")]
    DevicePlan.objects.filter(revision=revision).delete()
    for position, device in enumerate(sorted(devices, key=lambda device: device.name)):
        _device_plan(revision, device, position, commands=COMMANDS, diff=DIFF)
    revision_finish(revision.pk)


def create(world: World, author: str, kind: str) -> bool:
    urgent = {"called_by": "the duty manager", "emergency_reason": "The link is down."} if kind == "emergency" else {}
    response = world.post(author, "changes/", {**DRAFT, "type": kind, **urgent})
    if response.status_code == 201:
        world.change_id = response.json()["id"]
    return bool(response.status_code == 201)


def step(world: World, what: str, name: str, other: str, choice: int) -> None:
    """One call about the change; the bodies are those of a person who does their best."""
    if what in {"assess", "approve"}:
        body: dict[str, object] = {"plan_digest": world.digest(name)}
        if choice % 4 == 0:
            body["on_behalf_of"] = other
        world.act(name, what, body)
    elif what == "plan":
        if world.act(name, "plan").status_code == 202:
            build(world)
    elif what == "edit":
        changed = ({"title": f"Title {choice}"}, {"targets": {"filter": {"name": ["fra-acc-81"]}}},
                   {"type": (*KINDS, "standard")[choice % 3]}, {"targets": DRAFT["targets"]})[choice % 4]  # fmt: skip
        world.clients[name].patch(f"/api/v1/changes/{world.change_id}/", changed, format="json")
    elif what == "delegate":
        end = timezone.now() + timedelta(days=1 + choice % 90)
        world.post(name, "delegations/", {"delegate": other, "ends_at": end.isoformat()})
    elif what == "revoke":
        held = Delegation.objects.filter(revoked_at=None).values_list("pk", flat=True).first()
        world.post(name, f"delegations/{held or 1}/revoke/")
    elif what in ON_THEIR_OWN:
        ON_THEIR_OWN[what](world, name)
    elif what in {"submit", "start"}:
        world.act(name, what)
    else:
        world.act(name, what, {"comment": "For a good reason."})


def schedule(world: World, name: str) -> None:
    start = timezone.now() + timedelta(minutes=1)
    window = {"window_start": start.isoformat(), "window_end": (start + timedelta(hours=2)).isoformat()}
    world.act(name, "schedule", window)


def lax_policy(world: World, name: str) -> None:
    """One person tries to bring in a policy by which their own groups approve everything."""
    mine = ["requester", "implementer", "change-manager"]
    ask = [{"name": step, "title": step, "step": step, "groups": mine} for step in ("assessment", "authorization")]
    rule = {"name": "all", "when": "always", "ask": [{"stage": one["name"]} for one in ask]}
    document = {**shipped_policy("builtin").to_data(), "name": f"lax-{name}", "stages": ask, "rules": [rule]}
    made = world.post(name, "policies/", {"document": json.dumps(document)})
    if made.status_code == 201:
        world.post(name, f"policies/{made.json()['id']}/propose/", {})
        activated = world.post(name, f"policies/{made.json()['id']}/activate/", {"comment": "Mine."})
        assert activated.status_code == 403, world.told


ON_THEIR_OWN = {"schedule": schedule, "policy": lax_policy}
STEPS = ("plan", "submit", "assess", "approve", "start") * 2 + (
    "assess", "approve", "approve", "edit", "withdraw", "request-changes", "abstain", "withdraw-decision", "delegate",
    "delegate", "revoke", "schedule", "revise", "policy",
)  # fmt: skip
SMALL = st.integers(0, 11)

ONE_FOR_BOTH: Roles = {
    "ada": frozenset({"requester", "implementer"}), "ben": frozenset({"peer", "cab", "implementer"}),
    "cem": frozenset({"implementer", "change-manager"}),
}  # fmt: skip
"""Ben could sit in either seat, and there is nobody for the other."""
THEIR_OWN: Roles = {
    "ada": frozenset({"requester", "peer", "cab"}), "ben": frozenset({"cab", "requester"}),
    "cem": frozenset({"implementer"}),
}  # fmt: skip
"""Only who wrote it could assess it."""
TRIED_OWN = [
    ("assess", 0, 0, 1), ("approve", 1, 1, 1), ("edit", 1, 1, 0), ("delegate", 0, 1, 1), ("assess", 1, 0, 0),
    ("approve", 0, 0, 1), ("start", 2, 2, 1),
]  # fmt: skip
ONE_OF_TWO: Roles = {
    "ada": frozenset({"requester"}), "ben": frozenset({"ecab"}), "cem": frozenset({"implementer"}),
}  # fmt: skip
"""An emergency needs two members of the ECAB."""
TRIED_ALONE = [
    ("approve", 1, 1, 1),
    ("approve", 1, 1, 1),
    ("delegate", 1, 2, 1),
    ("approve", 2, 1, 0),
    ("start", 2, 2, 1),
]
TRIED = [
    ("assess", 1, 1, 1), ("approve", 1, 1, 1), ("start", 2, 2, 1), ("withdraw-decision", 1, 1, 1), ("assess", 1, 1, 1),
    ("delegate", 1, 2, 1), ("approve", 2, 1, 0), ("approve", 0, 0, 1), ("policy", 2, 2, 1), ("start", 2, 2, 1),
]  # fmt: skip


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A shipped policy, or a small one of its own."""
    name = draw(st.sampled_from(["builtin", "recommended", "small", "small"]))
    if name != "small":
        return shipped_policy(name).to_data()
    groups = st.lists(st.sampled_from(["peer", "cab", "ecab", "security"]), min_size=1, max_size=2, unique=True)
    stages = []
    for number, at in enumerate(["assessment"] * draw(st.integers(1, 2)) + ["authorization"] * draw(st.integers(1, 2))):
        wanted = draw(groups)
        stages.append({
            "name": f"stage{number}", "title": f"Stage {number}", "step": at, "groups": wanted,
            "quorum": draw(st.integers(1, 2)), "from_each_group": len(wanted) == 1 and draw(st.booleans()),
            "delegates": draw(groups), "expires_after_h": draw(st.sampled_from([0, 24])),
        })  # fmt: skip
    rules: list[dict[str, Any]] = [
        {"name": "all", "when": "always", "ask": [{"stage": stage["name"]} for stage in stages]}
    ]
    if draw(st.booleans()):
        last: dict[str, Any] = stages[-1]
        strict = {"stage": last["name"], "quorum": last["quorum"] + 1}
        rules.append({"name": "more", "when": {"change_type": ["emergency"]}, "ask": [strict]})
    return {**shipped_policy("builtin").to_data(), "name": "small", "version": 1, "stages": stages, "rules": rules}


@st.composite
def casts(draw: st.DrawFn) -> Roles:
    """Who holds which groups; everybody can do something, most can do much, so that little is missing."""
    kept = st.frozensets(st.sampled_from(GROUPS[:-1]), min_size=2, max_size=7)
    people = {name: draw(kept) for name in NAMES}
    if draw(st.integers(0, 5)) == 0:
        people["fay"] |= {"auditor"}
    people["ada"] |= {"requester"}
    return people


@pytest.fixture
def stage(db: None) -> Mapping[str, APIClient]:
    """The people, one of them a superuser, the clerks who bring a policy in, and two devices."""
    cache.clear()
    for number in (81, 82):
        DeviceFactory.create(name=f"fra-acc-{number}")
    for clerk in ("clerk", "second-clerk"):
        PersonFactory.create(username=clerk, roles=["change-manager"])
    clients = {}
    for name in NAMES:
        clients[name] = APIClient()
        clients[name].force_login(PersonFactory.create(username=name, is_superuser=name == "ben"))
    return clients


@contextmanager
def example(clients: Mapping[str, APIClient], people: Roles, document: Mapping[str, Any]) -> Iterator[World]:
    """A world of its own, of which nothing is left afterwards."""
    with transaction.atomic():
        cache.clear()
        groups = {group.name: group.pk for group in Group.objects.all()}
        ids = dict(User.objects.filter(username__in=NAMES).values_list("username", "pk"))
        User.groups.through.objects.filter(user__in=ids.values()).delete()
        User.groups.through.objects.bulk_create(
            User.groups.through(user_id=ids[name], group_id=groups[role]) for name in people for role in people[name]
        )
        activate(document)
        yield World({name: clients[name] for name in people})
        transaction.set_rollback(True)


def activate(document: Mapping[str, Any]) -> None:
    """Bring a policy in the way that people do: one writes and proposes it, another one activates it."""
    active = ApprovalPolicyVersion.objects.get(state="active")
    if active.name == document["name"]:
        return
    clerk, second = (
        Actor(user.pk, user.username, Origin.WEB)
        for user in User.objects.filter(username__contains="clerk").order_by("pk")
    )
    known = ApprovalPolicyVersion.objects.filter(name=document["name"], version=document["version"]).first()
    version = known or policy_save_draft(actor=clerk, text=json.dumps(document))
    policy_propose(version_id=version.pk, actor=clerk)
    policy_activate(version_id=version.pk, actor=second, comment="For the test.")


def without_guards() -> None:
    """Switch the database's own rules about approvals off, until the test's transaction is rolled back."""
    with as_owner() as cursor:
        for table, triggers in GUARDS.items():
            for trigger in triggers:
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")


# What fails is told as it was found: to make it smaller would take minutes of calls.
property_of = settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("guarded", [True, False], ids=["with the database's guards", "by the services alone"])
def test_nobody_short_of_the_quorum_reaches_implementing(
    db: None, request: pytest.FixtureRequest, guarded: bool
) -> None:
    if not guarded:
        without_guards()
    clients: Mapping[str, APIClient] = request.getfixturevalue("stage")
    given_in_all: list[int] = []

    @property_of
    @example_of(
        document=shipped_policy("builtin").to_data(), people=ONE_FOR_BOTH, order=list(NAMES), kind="normal", steps=TRIED
    )
    @example_of(
        document=shipped_policy("builtin").to_data(),
        people=THEIR_OWN,
        order=list(NAMES),
        kind="normal",
        steps=TRIED_OWN,
    )
    @example_of(
        document=shipped_policy("builtin").to_data(), people=ONE_OF_TWO, order=list(NAMES), kind="emergency",
        steps=TRIED_ALONE,
    )  # fmt: skip
    @given(
        document=documents(),
        people=casts(),
        order=st.permutations(NAMES),
        kind=st.sampled_from(KINDS),
        steps=st.lists(st.tuples(st.sampled_from(STEPS), SMALL, SMALL, SMALL), min_size=6, max_size=16),
    )
    def holds(document: Any, people: Roles, order: list[str], kind: str, steps: list[Any]) -> None:  # noqa: ANN401
        # Who writes the change stays; the others go until those who are left are short.
        short = shortened(people, document, KINDS, [name for name in order if name != "ada"])
        assert is_short(short, document, KINDS)
        names = sorted(short)
        with example(clients, short, document) as world:
            assert create(world, "ada", kind), world.told
            for what in ("plan", "submit"):
                step(world, what, "ada", "ada", 1)
            for what, who, whom, choice in steps:
                step(world, what, names[who % len(names)], names[whom % len(names)], choice)
                assert world.state not in BEYOND, (short, world.told)
            assert not Run.objects.filter(change_id=world.change_id).exists(), world.told
            event(f"approvals given: {min(world.approvals, 4)}")
            given_in_all.append(world.approvals)

    holds()
    assert sum(given_in_all) > 0, "no example got as far as an approval, so nothing was shown"


@pytest.mark.parametrize("name", ["builtin", "recommended"])
def test_those_who_meet_the_quorum_do_reach_implementing(stage: Mapping[str, APIClient], name: str) -> None:
    """The harness can get there: what the property refuses is for want of people, not for want of trying."""
    document = shipped_policy(name).to_data()
    people = {
        "ada": frozenset({"requester"}), "ben": frozenset({"peer"}), "cem": frozenset({"cab"}),
        "dia": frozenset({"implementer"}), "eli": frozenset({"security"}), "fay": frozenset({"service-owner"}),
        "gil": frozenset({"cab"}),
    }  # fmt: skip
    assert not is_short(people, document, ["normal"])
    assert is_short({who: people[who] for who in ("ada", "ben", "dia")}, document, ["normal"])
    with example(stage, people, document) as world:
        assert create(world, "ada", "normal")
        for what in ("plan", "submit"):
            step(world, what, "ada", "ada", 1)
        for _round in range(3):
            for who in ("ben", "eli"):
                step(world, "assess", who, who, 1)
            for who in ("fay", "cem", "gil"):
                step(world, "approve", who, who, 1)
        assert world.state == "approved", world.told
        assert world.act("dia", "start").status_code == 202
        assert world.state == "implementing"
        assert Run.objects.filter(change_id=world.change_id).count() == 1


def test_counting_says_who_is_short() -> None:
    document = shipped_policy("builtin").to_data()
    stages = stages_asked(document, "normal")
    both = frozenset({"peer", "cab"})
    assert [stage["name"] for stage in stages] == ["peer", "cab"]
    assert not can_approve({"a": frozenset({"requester"}), "b": both}, "a", stages)
    assert can_approve({"a": frozenset({"requester"}), "b": both, "c": both}, "a", stages)
    assert not can_approve({"a": both, "b": both}, "a", stages)
    assert not can_approve({"a": both, "b": both, "c": both | {"auditor"}}, "a", stages)
