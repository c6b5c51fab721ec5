"""What the body of a sealed event has to say of what carries a plan."""

from __future__ import annotations

from typing import Any

import pytest

from changes.domain.sealing import CONFIRMED, Carrier, is_told_by

DIGEST = "d" * 64
APPROVAL = Carrier("approval", 7, DIGEST, "cab", 3)


def body(kind: str = "approval", *, actor: int | None = 3, **details: object) -> dict[str, Any]:
    about = {"type": kind, "id": "7", "label": ""}
    state = {"from": "", "to": "approved"}
    return {"action": "approval.approved", "actor": {"id": actor}, "object": about, "state": state, "details": details}


NEW: dict[str, Any] = {"plan_digest": DIGEST, "stage": "cab", "approver_id": 3}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (body(**NEW), True),
        (body(actor=None, **NEW), True),  # the system carried it over
        (body(plan_digest=DIGEST), True),  # an event of an older version: who acted is the person
        (body(actor=4, plan_digest=DIGEST), False),
        (body(actor=None, plan_digest=DIGEST), False),
        (body(**{**NEW, "approver_id": 4}), False),
        (body(**{**NEW, "stage": "peer"}), False),
        (body(**{**NEW, "plan_digest": "e" * 64}), False),
        (body("change", **NEW), False),
    ],
)
def test_an_approval(said: dict[str, Any], told: bool) -> None:
    assert is_told_by(APPROVAL, said) is told


@pytest.mark.parametrize(
    ("kind", "details", "told"),
    [
        ("normal", {"plan_digest": DIGEST}, True),
        ("normal", {}, True),
        ("normal", {"plan_digest": "e" * 64}, False),
        ("standard", {"plan_digest": DIGEST}, True),
        ("standard", {}, False),
    ],
)
def test_the_step_to_approved_names_the_plan_of_a_standard_change(
    kind: str, details: dict[str, Any], told: bool
) -> None:
    assert is_told_by(Carrier("change", 7, DIGEST, kind), body("change", **details)) is told


@pytest.mark.parametrize("action", [CONFIRMED, "run.recomputed_backout_shown"])
def test_only_a_confirmation_lets_computed_lines_go(action: str) -> None:
    said = {**body("run", lines_digest=DIGEST), "action": action}
    assert is_told_by(Carrier("run", 7, DIGEST), said) is (action == CONFIRMED)
