"""What a policy asked, as it is stored: read back exactly, and nothing else is believed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from changes.domain.approval_policy.demands import (
    Demand,
    DemandError,
    data_digest,
    stages_with_more,
    stored_demand,
)
from changes.domain.approval_policy.evaluation import evaluate
from changes.domain.approval_policy.facts import PlanFacts
from changes.domain.approval_policy.parsing import parse_policy
from changes.domain.states import ChangeType
from tests.unit.changes_domain.approval_documents import (
    Document,
    any_facts,
    conditions,
    documents,
    facts,
    policy,
    rule,
)

QUICK = settings(max_examples=60, deadline=None)
SECURITY = evaluate(policy(rule({"content": ["ntp"]}, expires_after_h=24), pre_approval={"allowed": True}), facts())


@QUICK
@given(documents(conditions), any_facts)
def test_what_was_stored_is_read_back_as_it_was(body: Document, plan: PlanFacts) -> None:
    demand = evaluate(parse_policy(body), plan)
    assert Demand.from_data(demand.to_data()) == demand
    assert stored_demand(demand.to_data(), demand.digest) == demand


@QUICK
@given(documents(conditions), any_facts)
def test_facts_are_read_back_as_they_were_found(body: Document, plan: PlanFacts) -> None:
    known = {name: getattr(plan, name) for name in ("change_type", "risk", "window", "within_envelope")}
    again = PlanFacts.of_found(plan.to_data(), **known)
    assert evaluate(parse_policy(body), again) == evaluate(parse_policy(body), plan)


def test_what_planning_did_not_find_or_what_is_malformed_is_not_known() -> None:
    nothing = PlanFacts(change_type=ChangeType.NORMAL)
    assert PlanFacts.of_found(None) == nothing
    broken = {"device_count": True, "sites": ["FRA"], "roles": {"core": "many"}, "content": 7, "warnings": [{"a": 1}]}
    assert PlanFacts.of_found(broken) == nothing


def test_a_kind_of_content_that_this_release_does_not_know_is_of_no_known_kind() -> None:
    found = PlanFacts.of_found({"content": {"teleport": 2, "ntp": 1}})
    assert found.to_data()["content"] == {"ntp": 1, "other": 2}


def _lower(data: dict[str, Any]) -> None:
    data["stages"][0]["quorum"] = 0


def _other_group(data: dict[str, Any]) -> None:
    data["stages"][2]["groups"] = ["requester"]


def _no_stage(data: dict[str, Any]) -> None:
    data["stages"] = []


def _sentence(data: dict[str, Any]) -> None:
    data["stages"][0]["sentence"] = "Nobody is asked."


def _number_for_flag(data: dict[str, Any]) -> None:
    data["pre_approved"] = 0


def _more(data: dict[str, Any]) -> None:
    data["note"] = "x"


def _float(data: dict[str, Any]) -> None:
    data["stages"][0]["quorum"] = 1.0


def _null(data: dict[str, Any]) -> None:
    data["stages"] = None


@pytest.mark.parametrize("alter", [_lower, _other_group, _no_stage, _sentence, _number_for_flag, _more, _float, _null])
def test_an_altered_demand_is_refused(alter: Callable[[dict[str, Any]], None]) -> None:
    data = copy.deepcopy(SECURITY.to_data())
    alter(data)
    with pytest.raises(DemandError):
        stored_demand(data, SECURITY.digest)


@pytest.mark.parametrize("alter", [_lower, _no_stage, _sentence, _number_for_flag, _more, _float, _null])
def test_an_altered_demand_is_refused_even_with_its_own_digest(alter: Callable[[dict[str, Any]], None]) -> None:
    data = copy.deepcopy(SECURITY.to_data())
    alter(data)
    with pytest.raises(DemandError):
        stored_demand(data, _digest(data))


def _digest(data: object) -> str:
    try:
        return data_digest(data)
    except DemandError:
        return ""


@pytest.mark.parametrize("data", [None, [], "text", {}, {"stages": []}])
def test_what_is_no_demand_is_refused(data: object) -> None:
    with pytest.raises(DemandError):
        Demand.from_data(data)


def test_only_the_stages_that_became_stricter_ask_again() -> None:
    before = evaluate(policy(rule("always")), facts())
    two = evaluate(policy(rule("always"), rule("always", name="two", stage="cab", quorum=2)), facts())
    assert stages_with_more(before, two) == {"cab"}
    assert stages_with_more(two, before) == frozenset()
    assert stages_with_more(before, evaluate(policy(), facts())) == {"security"}, "a stage that is gone counts nowhere"


def test_another_order_of_the_stages_asks_all_of_them_again() -> None:
    before = evaluate(policy(rule("always")), facts())
    turned = replace(before, stages=(before.stages[1], before.stages[0], before.stages[2]))
    assert stages_with_more(before, turned) == {"peer", "security", "cab"}
