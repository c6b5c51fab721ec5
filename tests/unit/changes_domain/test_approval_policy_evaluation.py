"""What a policy asks: the answer is the same whatever the order, never less for more facts, and says why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from changes.domain.approval_policy.demands import Demand, asks_more
from changes.domain.approval_policy.evaluation import evaluate
from changes.domain.approval_policy.facts import PlanFacts, WarningFact
from changes.domain.approval_policy.parsing import parse_policy
from changes.domain.approval_policy.vocabulary import Duty
from changes.domain.risk.levels import RiskLevel
from changes.domain.states import ChangeEvent, ChangeType
from changes.domain.windows import Period
from devices.domain.severity import Severity
from devices.domain.warnings.content_kinds import ContentKind
from tests.unit.changes_domain.approval_documents import (
    Document,
    any_facts,
    conditions,
    document,
    documents,
    facts,
    policy,
    positive_conditions,
    rule,
    warning_facts,
)

QUICK = settings(max_examples=60, deadline=None)


def asked(demand: Demand) -> dict[str, int]:
    return {stage.stage.name: stage.stage.quorum for stage in demand.stages}


def sentence(when: object, plan: PlanFacts) -> str:
    """Why security is asked under one rule with this condition; "" if it is not."""
    demand = evaluate(policy(rule(when)), plan)
    return next((stage.sentence for stage in demand.stages if stage.stage.name == "security"), "")


def holds(when: object, plan: PlanFacts) -> bool:
    return bool(sentence(when, plan))


# The whole


def test_the_answer_says_why_in_a_sentence() -> None:
    plan = facts(content={ContentKind.ACL: 3})
    assert sentence({"content": ["acl"]}, plan) == (
        "Security is asked because an access list (ACL) is touched on 3 devices."
    )


@QUICK
@given(documents(conditions), any_facts, st.randoms(use_true_random=False))
def test_the_order_of_the_rules_makes_no_difference(body: Document, plan: PlanFacts, random: Random) -> None:
    shuffled = list(body["rules"])
    random.shuffle(shuffled)
    one, other = (evaluate(parse_policy(each), plan) for each in (body, body | {"rules": shuffled}))
    assert (one.stages, one.duties, one.pre_approved, one.path) == (
        other.stages, other.duties, other.pre_approved, other.path,
    )  # fmt: skip


@QUICK
@given(documents(conditions), any_facts)
def test_there_is_always_an_answer_with_reasons_and_stages_in_the_order_of_the_document(
    body: Document, plan: PlanFacts
) -> None:
    read = parse_policy(body)
    demand = evaluate(read, plan)
    assert demand == evaluate(parse_policy(body), plan)
    order = [stage.name for stage in read.stages]
    found = [stage.stage.name for stage in demand.stages]
    assert found == [name for name in order if name in found]
    assert {"peer", "cab"} <= set(found)
    assert all(because.facts for stage in demand.stages for because in stage.because)
    sentences = [stage.sentence for stage in demand.stages] + [duty.sentence for duty in demand.duties]
    assert all(each.endswith(".") for each in sentences)


@QUICK
@given(documents(conditions), st.integers(0, 4), any_facts)
def test_no_rule_can_take_away_what_the_others_ask(body: Document, place: int, plan: PlanFacts) -> None:
    fewer = list(body["rules"])
    if len(fewer) > 1:
        del fewer[1 + place % (len(fewer) - 1)]
    less, more = evaluate(parse_policy(body | {"rules": fewer}), plan), evaluate(parse_policy(body), plan)
    assert asks_more(more, less) == ()


@st.composite
def grown(draw: st.DrawFn) -> tuple[PlanFacts, PlanFacts]:
    """A plan, and one that has all of it and more."""
    plan = draw(any_facts)

    def more(counts: Mapping[Any, int] | None, extra: Mapping[Any, int]) -> dict[Any, int] | None:
        return None if counts is None else {**extra, **{name: number + 1 for name, number in counts.items()}}

    extra = dict.fromkeys(draw(st.lists(st.sampled_from(["FRA", "core", "pci"]), max_size=2)), 2)
    levels = [level for level in RiskLevel if plan.risk is None or level.rank >= plan.risk.rank]
    return plan, replace(
        plan,
        risk=plan.risk and draw(st.sampled_from(levels)),
        device_count=None if plan.device_count is None else plan.device_count + draw(st.integers(0, 5)),
        platforms=more(plan.platforms, extra),
        roles=more(plan.roles, extra),
        sites=more(plan.sites, extra),
        tags=more(plan.tags, extra),
        tenants=more(plan.tenants, extra),
        content=more(plan.content, {ContentKind.ACL: 2}),
        warnings=None if plan.warnings is None else (*plan.warnings, draw(warning_facts)),
    )


@QUICK
@given(documents(positive_conditions), grown())
def test_more_of_everything_is_never_asked_less_by_rules_without_not(
    body: Document, plans: tuple[PlanFacts, PlanFacts]
) -> None:
    less, more = (evaluate(parse_policy(body), plan) for plan in plans)
    assert asks_more(more, less) == ()


@QUICK
@given(
    documents(conditions), any_facts, st.sampled_from(["risk", "device_count", "sites", "tags", "content", "warnings"])
)
def test_a_missing_fact_is_never_asked_less_than_any_value_of_it(body: Document, plan: PlanFacts, name: str) -> None:
    unknown: dict[str, Any] = {name: None}
    known, missing = evaluate(parse_policy(body), plan), evaluate(parse_policy(body), replace(plan, **unknown))
    assert asks_more(missing, known) == ()


def test_a_change_of_which_only_the_type_is_known_is_asked_everything() -> None:
    rules = [rule({"sites": ["FRA"]}), rule({"not": {"tags": ["lab"]}}, name="not-lab", stage="cab", quorum=2)]
    demand = evaluate(policy(*rules), PlanFacts())
    assert asked(demand) == {"peer": 1, "security": 1, "cab": 2}
    because = demand.stages[1].because[0]
    assert (because.certain, because.facts) == (False, ("the devices' sites are not known",))


def test_the_largest_quorum_and_the_shortest_time_of_all_rules_hold() -> None:
    demand = evaluate(
        policy(
            rule("always", name="one", stage="cab", quorum=2, expires_after_h=48),
            rule("always", name="two", stage="cab", quorum=3),
            rule("always", name="three", stage="cab", expires_after_h=24),
        ),
        facts(),
    )
    stage = demand.stages[-1].stage
    assert (stage.quorum, stage.expires_after_h) == (3, 24)
    assert [because.quorum for because in demand.stages[-1].because] == [1, 2, 1, 3]


def test_duties_are_asked_with_their_reasons() -> None:
    demand = evaluate(
        policy({"name": "careful", "when": {"risk": {"at_least": "high"}}, "duties": ["resolve_threads"]}),
        facts(risk=RiskLevel.HIGH),
    )
    assert demand.as_duties() == {Duty.RESOLVE_THREADS}
    assert demand.duties[0].sentence == (
        "Resolve every discussion thread before approval: asked because the risk is high."
    )
    assert evaluate(policy(), facts(risk=RiskLevel.HIGH)).duties == ()


def test_the_answer_is_plain_data_that_names_the_policy() -> None:
    read = policy(rule({"content": ["acl"]}))
    data = evaluate(read, facts()).to_data()
    assert (data["policy"], data["policy_digest"], data["pre_approved"]) == ("office-3", read.digest, False)
    assert PlanFacts().to_data()["content"] is None
    assert facts(content={ContentKind.VLAN: 1, ContentKind.ACL: 2}).to_data()["content"] == {"acl": 2, "vlan": 1}


# The three change types


def test_stages_of_an_emergency_change_all_stand_in_its_authorization() -> None:
    normal, emergency = (
        evaluate(policy(), facts(change_type=kind)) for kind in (ChangeType.NORMAL, ChangeType.EMERGENCY)
    )
    assert [stage.event for stage in normal.as_stages()] == [ChangeEvent.ASSESS, ChangeEvent.AUTHORIZE]
    assert [stage.event for stage in emergency.as_stages()] == [ChangeEvent.AUTHORIZE, ChangeEvent.AUTHORIZE]


@pytest.mark.parametrize(
    ("pre_approval", "changed", "expected"),
    [
        ({"allowed": True}, {"within_envelope": True}, True),
        ({"allowed": True}, {"within_envelope": False}, False),
        ({"allowed": False}, {"within_envelope": True}, False),
        ({"allowed": True, "unless": {"risk": {"at_least": "high"}}}, {"within_envelope": True}, True),
        ({"allowed": True, "unless": {"risk": {"at_least": "low"}}}, {"within_envelope": True}, False),
        ({"allowed": True, "unless": {"risk": {"at_least": "high"}}}, {"within_envelope": True, "risk": None}, False),
        ({"allowed": True}, {"within_envelope": True, "change_type": ChangeType.NORMAL}, False),
        ({"allowed": True}, {"within_envelope": True, "change_type": ChangeType.EMERGENCY}, False),
    ],
)
def test_only_a_standard_change_inside_its_envelope_is_pre_approved(
    pre_approval: Document, changed: dict[str, Any], *, expected: bool
) -> None:
    demand = evaluate(policy(pre_approval=pre_approval), facts(**({"change_type": ChangeType.STANDARD} | changed)))
    assert demand.pre_approved is expected
    assert (demand.stages == ()) is expected
    assert demand.path.endswith(".")


@pytest.mark.parametrize("changed", [{"within_envelope": False}, {"within_envelope": True, "risk": RiskLevel.HIGH}])
def test_a_standard_change_that_is_not_pre_approved_is_asked_what_a_normal_one_is(changed: dict[str, Any]) -> None:
    read = parse_policy(
        document(
            rules=[
                {"name": "a", "when": {"change_type": ["normal"]}, "ask": [{"stage": "peer"}, {"stage": "cab"}]},
                {"name": "ecab", "when": {"change_type": ["emergency"]}, "ask": [{"stage": "cab"}]},
            ],
            pre_approval={"allowed": True, "unless": {"risk": {"at_least": "high"}}},
        )
    )  # fmt: skip
    demand = evaluate(read, facts(change_type=ChangeType.STANDARD, **changed))
    assert asked(demand) == {"peer": 1, "cab": 1}
    assert "a standard change that is not pre-approved" in demand.stages[0].sentence


@QUICK
@given(documents(conditions), any_facts, st.booleans(), conditions)
def test_no_facts_lead_to_an_answer_without_stages_but_those_of_a_pre_approved_change(
    body: Document,
    plan: PlanFacts,
    allowed: bool,
    unless: object,
) -> None:
    demand = evaluate(parse_policy(body | {"pre_approval": {"allowed": allowed, "unless": unless}}), plan)
    if demand.stages == ():
        assert demand.pre_approved
        assert (plan.change_type, plan.within_envelope, allowed) == (ChangeType.STANDARD, True, True)
    assert demand.pre_approved is (demand.stages == ())


# Each condition, with its words

WARNED = facts(warnings=(WarningFact("MANAGEMENT_PATH", Severity.MAJOR, 2),))


@pytest.mark.parametrize(
    ("when", "plan", "clause"),
    [
        ("always", facts(), "every change is asked for it"),
        ({"change_type": ["normal"]}, facts(), "the change is a normal change"),
        ({"risk": {"at_least": "medium"}}, facts(risk=RiskLevel.HIGH), "the risk is high"),
        ({"device_count": {"at_least": 3}}, facts(), "the change is for 3 devices"),
        ({"device_count": {"at_most": 1}}, facts(device_count=1), "the change is for 1 device"),
        ({"sites": ["fra"]}, facts(), "2 devices are at the site FRA"),
        ({"sites": {"any_of": ["FRA", "AMS"], "devices_at_least": 2}}, facts(), "2 devices are at the site FRA"),
        ({"roles": ["access"]}, facts(), "3 devices have the role access"),
        ({"tags": ["pci"]}, facts(tags={"pci": 1}), "1 device carries the tag pci"),
        ({"tenants": ["acme"]}, facts(tenants={"Acme": 1}), "1 device belongs to the tenant Acme"),
        ({"platforms": ["cisco_ios"]}, facts(), "3 devices run the platform cisco_ios"),
        ({"content": ["ntp", "acl"]}, facts(), "NTP is touched on 3 devices"),
        (
            {"warnings": {"codes": ["MANAGEMENT_PATH"]}},
            WARNED,
            "the plan warns of MANAGEMENT_PATH (major) on 2 devices",
        ),
        ({"window": {"weekdays": ["saturday"]}}, facts(), "the window is on Saturday"),
        ({"window": {"business_hours": "outside"}}, facts(), "the window lies outside business hours (UTC)"),
        ({"window": {"longer_than_min": 60}}, facts(), "the window is 90 minutes long"),
        (
            {"window": {"starts_from": "21:00", "starts_before": "05:00"}},
            facts(),
            "the window starts at 22:00 (UTC)",
        ),
        ({"not": {"roles": ["core"]}}, facts(), "no device has the role core"),
        ({"not": {"content": ["acl"]}}, facts(), "nothing of these kinds is touched: Access list"),
        ({"not": {"warnings": {"severity_at_least": "major"}}}, facts(), "the plan has no such warning"),
        ({"any": [{"sites": ["FRA"]}, {"sites": ["BER"]}]}, facts(), "2 devices are at the site FRA"),
        (
            {"all": [{"sites": ["FRA"]}, {"risk": {"at_least": "low"}}]},
            facts(),
            "2 devices are at the site FRA, and the risk is low",
        ),
        (
            {"window": {"business_hours": "touched"}},
            facts(window=None),
            "no maintenance window is set, so the change may be carried out at any time",
        ),
        (
            {"all": [{"roles": ["access"]}, {"risk": {"at_least": "high"}}]},
            facts(risk=None),
            "3 devices have the role access, and the risk is not known",
        ),
    ],
)
def test_a_condition_that_holds_names_the_facts(when: object, plan: PlanFacts, clause: str) -> None:
    assert sentence(when, plan) == f"Security is asked because {clause}."


@pytest.mark.parametrize(
    ("when", "plan"),
    [
        ({"change_type": ["emergency", "standard"]}, facts()),
        ({"risk": {"at_least": "medium"}}, facts()),
        ({"device_count": {"at_least": 4}}, facts()),
        ({"device_count": {"at_least": 1, "at_most": 2}}, facts()),
        ({"sites": ["BER"]}, facts()),
        ({"sites": ["FRA"]}, facts(sites={"FRA": 0})),
        ({"sites": {"any_of": ["FRA", "AMS"], "devices_at_least": 3}}, facts()),
        ({"content": ["acl"]}, facts()),
        ({"warnings": {"codes": ["DEFAULT_ROUTE"]}}, WARNED),
        ({"warnings": {"severity_at_least": "critical"}}, WARNED),
        ({"window": {"weekdays": ["sunday"]}}, facts()),
        ({"window": {"weekdays": ["saturday"], "longer_than_min": 90}}, facts()),
        ({"window": {"starts_from": "08:00", "starts_before": "22:00"}}, facts()),
        ({"not": "always"}, facts()),
        ({"all": ["always", {"sites": ["BER"]}, {"tags": ["x"]}]}, facts(tags=None)),
        ({"any": [{"sites": ["BER"]}, {"roles": ["core"]}]}, facts()),
    ],
)
def test_a_condition_that_does_not_hold_asks_nothing(when: object, plan: PlanFacts) -> None:
    assert not holds(when, plan)


def test_only_the_first_values_are_named_and_the_rest_is_counted() -> None:
    sites = {f"S{number}": 1 for number in range(5)}
    assert sentence({"sites": list(sites)}, facts(sites=sites)).endswith(
        "site S2, and 2 more of the named values are found."
    )


# Time


@pytest.mark.parametrize(
    ("start", "minutes", "zone", "touched"),
    [
        ("2026-11-23T07:00", 60, "UTC", False),
        ("2026-11-23T07:00", 61, "UTC", True),
        ("2026-11-23T18:00", 60, "UTC", False),
        ("2026-11-23T17:59", 1, "UTC", True),
        ("2026-11-22T12:00", 60, "UTC", False),
        ("2026-11-20T20:00", 60 * 60, "UTC", False),
        ("2026-11-20T20:00", 60 * 60 + 1, "UTC", True),
        ("2026-11-23T07:00", 60, "Europe/Berlin", True),
        ("2026-11-23T23:30", 30, "Asia/Tokyo", True),
        # Clocks go back on 25 October 2026: on the Monday after, 08:00 in Berlin is 07:00 UTC and no longer 06:00.
        ("2026-10-23T06:00", 30, "Europe/Berlin", True),
        ("2026-10-26T06:00", 30, "Europe/Berlin", False),
    ],
)
def test_a_window_meets_business_hours_by_the_clock_of_the_policy(
    start: str, minutes: int, zone: str, *, touched: bool
) -> None:
    begin = datetime.fromisoformat(start).replace(tzinfo=UTC)
    window = Period(begin, begin + timedelta(minutes=minutes))
    read = policy(rule({"window": {"business_hours": "touched"}}), business_hours={"time_zone": zone})
    assert ("security" in asked(evaluate(read, facts(window=window)))) is touched


# Comparing two answers


def base(**stage: object) -> Demand:
    """The answer of a policy whose CAB stage has these fields; ``quorum`` and others are by the document's names."""
    stages = document()["stages"]
    return evaluate(policy(stages=[stages[0], stages[1], {**stages[2], **stage}]), facts())


@pytest.mark.parametrize(
    ("after", "sentence_part"),
    [
        (base(quorum=2), "asks for 2 approvals instead of 1"),
        (base(groups=["board"]), "members of CAB no longer approve"),
        (base(groups=["cab", "board"], quorum=2, from_each_group=True), "an approval from each of CAB, board"),
        (base(expires_after_h=24), "counts for 24 hours only"),
        (evaluate(policy(rule("always")), facts()), "The stage Security is new."),
        (
            evaluate(policy({"name": "more", "when": "always", "duties": ["review"]}), facts()),
            "New duty: Post-implementation review.",
        ),
    ],
)
def test_an_answer_that_asks_more_says_what(after: Demand, sentence_part: str) -> None:
    found = asks_more(base(), after)
    assert any(sentence_part in each for each in found)
    assert all(each.endswith(".") for each in found)


def test_an_answer_that_asks_the_same_or_less_does_not_make_approvals_stale() -> None:
    assert asks_more(base(), base()) == ()
    assert asks_more(base(quorum=3), base()) == ()
    assert asks_more(base(), base(groups=["cab", "board"])) == ()
    assert asks_more(base(expires_after_h=24), base(expires_after_h=48)) == ()
    assert asks_more(base(), base(escalate={"after_h": 4, "to": ["boss"]}, remind_every_h=2)) == ()
    assert asks_more(base(), base(delegates=["cab"])) == ()
    assert asks_more(base(), evaluate(policy(version=4, title="Other words"), facts())) == ()


def test_losing_the_pre_approval_or_the_order_of_the_stages_is_more() -> None:
    standard = facts(change_type=ChangeType.STANDARD, within_envelope=True)
    kept, lost = (evaluate(policy(pre_approval={"allowed": each}), standard) for each in (True, False))
    assert asks_more(kept, lost)[0] == "The change is no longer pre-approved."
    peer, security, cab = document()["stages"]
    one, other = (
        evaluate(policy(rule("always"), stages=stages), facts())
        for stages in ([peer, security, cab], [security, peer, cab])
    )
    assert asks_more(one, other) == ("The stages are asked in another order.",)
    assert "no longer act for others" in asks_more(base(delegates=["cab"]), base())[0]


@QUICK
@given(documents(conditions), documents(conditions), any_facts)
def test_what_asks_no_more_both_ways_asks_the_same_people(one: Document, other: Document, plan: PlanFacts) -> None:
    left, right = evaluate(parse_policy(one), plan), evaluate(parse_policy(other), plan)
    assert asks_more(left, left) == ()
    if not asks_more(left, right) and not asks_more(right, left):
        assert asked(left) == asked(right)
        assert left.as_duties() == right.as_duties()
