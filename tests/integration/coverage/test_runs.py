"""Orders to a run, by whoever may give them."""

from __future__ import annotations

from collections.abc import Sequence

from changes.models import Run
from changes.services.approvals import change_approve, change_assess, plan_open
from changes.services.execution import change_start
from changes.services.requests import change_submit
from devices.models import Device
from tests.factories import Cast, DeviceFactory, actor, carried_out, draft, ready_plan, started, wave_carried_out
from tests.integration.coverage.walking import WHY, Walk, ids


def run_of(cast: Cast, devices: Sequence[Device], **strategy: object) -> Run:
    return started(cast, devices, strategy=strategy) if strategy else started(cast, devices)


def test_orders(walk: Walk) -> None:
    cast, who = walk.cast, walk.cast.implementer
    devices = DeviceFactory.create_batch(3)
    run = run_of(cast, devices, canary=1)
    one = ids(change_id=run.change_id)
    walk.act(who, "run-stop-after-wave", {"comment": WHY}, api="api-change-stop-after-wave", **one)
    walk.act(who, "run-pause", {"comment": WHY}, api="api-change-pause", **one)
    walk.act(who, "run-resume", {"comment": WHY}, api="api-change-resume", **one)
    row = run.device_runs.order_by("pk")[0]
    if walk.door == "page":
        walk.page(who, "run-skip", {"comment": WHY}, device_run_id=row.pk, **one)
    else:
        walk.api(who, "api-change-skip", {"comment": WHY, "device_id": row.device_id}, **one)
    walk.act(who, "run-abort", {"comment": WHY, "in_flight": "finish"}, api="api-change-abort", **one)


def test_trying_again_and_rolling_back(walk: Walk) -> None:
    cast, who = walk.cast, walk.cast.implementer
    devices = DeviceFactory.create_batch(2)
    run = carried_out(started(cast, devices), rejected=devices[:1])
    one = ids(change_id=run.change_id)
    walk.act(
        who, "run-retry", {"comment": WHY, "device_ids": [devices[0].pk]},
        form={"comment": WHY, "device": [devices[0].pk]}, api="api-change-retry", **one,
    )  # fmt: skip
    other = carried_out(started(cast, DeviceFactory.create_batch(1)))
    walk.act(who, "change-rollback", {"comment": WHY}, change_id=other.change_id)


def test_gates(walk: Walk) -> None:
    cast = walk.cast
    strategy = {"canary": 1, "gate": "after_canary", "gate_role": "change-manager", "gate_timeout_s": 600}
    runs = [run_of(cast, DeviceFactory.create_batch(2), **strategy) for _ in range(2)]
    for run in runs:
        wave_carried_out(run)
    first, second = (ids(change_id=run.change_id) for run in runs)
    if walk.door == "page":
        walk.page(cast.manager, "change-gate", {"answer": "release", "wave": "1", "comment": WHY}, **first)
        walk.page(cast.manager, "change-gate", {"answer": "refuse", "wave": "1", "comment": WHY}, **second)
    else:
        walk.api(cast.manager, "api-change-release-wave", {"wave": 1, "comment": WHY}, **first)
        walk.api(cast.manager, "api-change-refuse-wave", {"wave": 1, "comment": WHY}, **second)


def test_manual_steps(walk: Walk) -> None:
    cast = walk.cast
    runs = [begun(cast) for _ in range(2)]
    steps = [run.decision_steps.get() for run in runs]
    first, second = (ids(change_id=run.change_id) for run in runs)
    if walk.door == "page":
        walk.page(cast.peer, "run-live", {"shown": ""}, quiet=True, refuse=False, run_id=runs[0].pk, **first)
        walk.page(cast.peer, "change-steps", {"answer": "confirm", "step": steps[0].pk, "comment": WHY}, **first)
        walk.page(cast.peer, "change-steps", {"answer": "stop", "step": steps[1].pk, "comment": WHY}, **second)
    else:
        walk.api(cast.peer, "api-change-confirm-step", {"step": steps[0].pk, "note": WHY}, **first)
        walk.api(cast.peer, "api-change-stop-step", {"step": steps[1].pk, "note": WHY}, **second)


def begun(cast: Cast) -> Run:
    """A run that waits before its first wave for a person."""
    change = draft(cast.author)
    step = {"title": "Call the site", "instruction": "Ask whether the doors are open.", "role": "peer"}
    revision = ready_plan(change, [DeviceFactory.create()], steps=[step])
    change_submit(change_id=change.pk, requester=actor(cast.author))
    for person, decide in ((cast.peer, change_assess), (cast.approver, change_approve)):
        plan_open(revision=revision, actor=actor(person))
        decide(change_id=change.pk, approver=actor(person), plan_digest=revision.digest)
    return change_start(change_id=change.pk, implementer=actor(cast.author))


def test_kill_switch(walk: Walk) -> None:
    cast = walk.cast
    walk.act(cast.implementer, "kill-switch-engage", {"comment": WHY})
    walk.act(cast.manager, "kill-switch-release", {"comment": WHY})
