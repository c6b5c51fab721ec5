"""What a sealed event has to say before it counts as the event of an approval."""

from typing import Any

import pytest

from changes.domain.reasons import reason
from changes.domain.sealing import CONFIRMED, SEAL_CODES, Carrier, is_told_by

DIGEST, OTHER = "a" * 64, "b" * 64
APPROVAL = Carrier("approval", 7, DIGEST, "cab", 3)
CHANGE = Carrier("change", 5, DIGEST)
REVIEW = Carrier("template_review", 9, DIGEST, "peer")
CONFIRMATION = Carrier("run", 4, DIGEST)


def body(carrier: Carrier, **details: object) -> dict[str, Any]:
    told = {"plan_digest": DIGEST, "digest": DIGEST, "lines_digest": DIGEST, "stage": "cab", "approver_id": 3}
    about = {"type": carrier.kind, "id": str(carrier.object_id), "label": ""}
    state = {"from": "", "to": "approved"}
    return {"action": CONFIRMED, "object": about, "state": state, "details": {**told, **details}}


@pytest.mark.parametrize("carrier", [APPROVAL, CHANGE, REVIEW, CONFIRMATION])
def test_an_event_that_says_the_same_counts_and_one_of_another_thing_does_not(carrier: Carrier) -> None:
    assert is_told_by(carrier, body(carrier))
    assert not is_told_by(carrier, body(Carrier(carrier.kind, 99, DIGEST)))
    assert not is_told_by(carrier, body(Carrier("device", carrier.object_id, DIGEST)))
    assert not is_told_by(carrier, body(carrier, plan_digest=OTHER, digest=OTHER, lines_digest=OTHER))
    assert not is_told_by(carrier, {})


@pytest.mark.parametrize("carrier", [APPROVAL, CHANGE, REVIEW])
def test_an_event_of_another_decision_does_not_count(carrier: Carrier) -> None:
    assert not is_told_by(carrier, {**body(carrier), "state": {"from": "", "to": "rejected"}})


def test_another_person_or_stage_does_not_count() -> None:
    assert not is_told_by(APPROVAL, body(APPROVAL, approver_id=4))
    assert not is_told_by(APPROVAL, body(APPROVAL, stage="peer"))


def test_only_the_step_of_a_change_may_name_no_digest() -> None:
    for carrier in (APPROVAL, CHANGE, REVIEW, CONFIRMATION):
        nameless = body(carrier)
        for name in ("plan_digest", "digest", "lines_digest"):
            del nameless["details"][name]
        assert is_told_by(carrier, nameless) == (carrier is CHANGE)


@pytest.mark.parametrize("code", SEAL_CODES)
def test_the_catalogue_says_what_to_do(code: str) -> None:
    assert "manage.py audit_" in reason(code).next_step
    assert not reason(code).permanent
