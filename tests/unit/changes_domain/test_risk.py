from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changes.domain.errors import InvalidInputError
from changes.domain.policy import ChangeFacts, Person, Role
from changes.domain.risk.facts import (
    FACT_NAMES,
    History,
    RiskFacts,
    Rollback,
    Timing,
    WarningCounts,
)
from changes.domain.risk.levels import RiskLevel
from changes.domain.risk.overriding import Override, effective_level, may_override
from changes.domain.risk.questions import questions, with_answer
from changes.domain.risk.scoring import READS, assess
from changes.domain.risk.weights import CURRENT, WEIGHTS, Factor, UnknownWeightsError, weights_of
from changes.domain.states import BEFORE_IMPLEMENTING, ChangeState
from devices.domain.criticality import Criticality
from devices.domain.severity import Severity

HARMLESS = RiskFacts(
    devices=1,
    share_percent=5,
    alone=0,
    criticality=Criticality.LOW,
    timing=Timing.MAINTENANCE_WINDOW,
    warnings=WarningCounts(),
    template=History(200, 0),
    unprotected=0,
    rollback=Rollback.REHEARSED,
    requester=History(200, 0),
)
WORST = RiskFacts(
    devices=5_000,
    share_percent=100,
    alone=5_000,
    criticality=Criticality.VITAL,
    timing=Timing.BUSINESS_HOURS,
    warnings=WarningCounts(critical=9, major=9, minor=9),
    template=History(0, 9),
    unprotected=5_000,
    rollback=Rollback.NONE,
    requester=History(0, 9),
)

counts = st.integers(0, 10_000)
histories = st.builds(History, st.integers(0, 500), st.integers(0, 500))
facts = st.builds(
    RiskFacts,
    devices=st.none() | counts,
    share_percent=st.none() | st.integers(0, 100),
    alone=st.none() | counts,
    criticality=st.none() | st.sampled_from(Criticality),
    timing=st.none() | st.sampled_from(Timing),
    warnings=st.none() | st.builds(WarningCounts, st.integers(0, 9), st.integers(0, 9), st.integers(0, 30)),
    template=st.none() | histories,
    unprotected=st.none() | counts,
    rollback=st.none() | st.sampled_from(Rollback),
    requester=st.none() | histories,
    answered=st.frozensets(st.sampled_from(FACT_NAMES)),
)


def _worse_history(history: History, by: int) -> History:
    return History(max(history.succeeded - by, 0), history.failed + by)


WORSE: dict[str, Callable[..., object]] = {
    "devices": lambda value, by: value + by,
    "share_percent": lambda value, by: min(value + by, 100),
    "alone": lambda value, by: value + by,
    "unprotected": lambda value, by: value + by,
    "criticality": lambda value, by: [*Criticality][max([*Criticality].index(value), by % 4)],
    "timing": lambda value, by: [*Timing][max([*Timing].index(value), by % 3)],
    "rollback": lambda value, by: [*Rollback][max([*Rollback].index(value), by % 5)],
    "warnings": lambda value, by: WarningCounts(value.critical + by % 2, value.major + by % 3, value.minor + by),
    "template": _worse_history,
    "requester": _worse_history,
}


@given(facts=facts, name=st.sampled_from(FACT_NAMES), by=st.integers(1, 200))
def test_a_worse_fact_never_lowers_the_score_or_the_level(facts: RiskFacts, name: str, by: int) -> None:
    value = getattr(facts, name)
    worse = None if value is None else WORSE[name](value, by)
    one, other = assess(facts), assess(replace(facts, **{name: worse}))  # type: ignore[arg-type]
    assert other.score >= one.score
    assert other.level.rank >= one.level.rank


@given(facts=facts, name=st.sampled_from(FACT_NAMES))
def test_not_knowing_a_fact_never_scores_less_than_knowing_it(facts: RiskFacts, name: str) -> None:
    assert assess(replace(facts, **{name: None})).score >= assess(facts).score  # type: ignore[arg-type]


@given(facts=facts)
def test_the_explanation_adds_up_and_every_factor_has_its_sentence(facts: RiskFacts) -> None:
    found = assess(facts)
    assert [each.factor for each in found.components] == list(Factor)
    assert found.score == sum(each.points for each in found.components)
    assert 0 <= found.score <= 100
    for each in found.components:
        assert 0 <= each.points <= each.most
        assert each.reason.endswith(".")
        assert bool(each.lower) is (each.points > 0)
        assert not each.missing or each.points == each.most
    assert found.level.rank >= found.by_score.rank
    assert bool(found.least) or found.level is found.by_score


@given(facts=facts)
def test_a_stored_score_is_explained_later_to_the_letter(facts: RiskFacts) -> None:
    found = assess(facts)
    stored = json.loads(json.dumps({"facts": facts.to_data(), "risk": found.to_data()}))
    again = assess(RiskFacts.of(stored["facts"]), weights_of(stored["risk"]["weights"]))
    assert again == found
    assert json.loads(json.dumps(again.to_data())) == stored["risk"]


def test_the_weights_are_whole_and_their_versions_are_told_apart() -> None:
    for version, weights in WEIGHTS.items():
        assert weights.version == version
        assert set(weights.most) == set(Factor)
        assert sum(weights.most.values()) == 100
        assert assess(WORST, weights).score == 100
        assert assess(HARMLESS, weights).score <= 1
        for steps in (weights.devices, weights.share_percent, weights.alone, weights.unprotected):
            assert list(steps) == sorted(steps)
            assert sorted(points for _, points in steps) == [points for _, points in steps]
    with pytest.raises(UnknownWeightsError, match="version 0"):
        weights_of("0")


def test_the_levels_begin_at_their_thresholds() -> None:
    levels = [CURRENT.level(score) for score in (0, 29, 30, 59, 60, 100)]
    low, medium, high = RiskLevel
    assert levels == [low, low, medium, medium, high, high]


def test_a_critical_warning_and_a_missing_way_back_set_a_least_level() -> None:
    warned = assess(replace(HARMLESS, warnings=WarningCounts.of({Severity.CRITICAL: 1})))
    assert (warned.by_score, warned.level) == (RiskLevel.LOW, RiskLevel.HIGH)
    assert "critical warning" in warned.least[0].reason
    assert assess(replace(HARMLESS, rollback=Rollback.NONE)).level is RiskLevel.MEDIUM


def test_the_sentences_say_what_counts_and_what_would_lower_it() -> None:
    found = {
        each.factor: each for each in assess(replace(HARMLESS, devices=40, alone=1, template=History(3, 1))).components
    }
    assert found[Factor.BLAST_RADIUS].reason == "40 devices are changed; of one role at one site up to 5 per cent."
    assert found[Factor.REDUNDANCY].reason == "1 of the devices has no redundancy partner that stays as it is."
    assert "one member of each pair" in found[Factor.REDUNDANCY].lower
    assert found[Factor.TEMPLATE_HISTORY].reason == "3 of 4 earlier changes from this template succeeded."
    assert assess(WORST).sentence.startswith("High risk: 100 of 100 points, most for blast radius 20")


def test_a_new_template_has_all_its_points_and_a_proven_one_none() -> None:
    def points(*history: int) -> int:
        found = assess(replace(HARMLESS, template=History(*history)))
        return next(each.points for each in found.components if each.factor is Factor.TEMPLATE_HISTORY)

    assert [points(0, 0), points(3, 0), points(20, 0), points(200, 0)] == [8, 3, 1, 0]
    assert points(20, 5) > points(20, 0)


def test_nothing_known_is_the_highest_risk_and_asks_for_everything() -> None:
    unknown = RiskFacts()
    assert assess(unknown).score == 100
    assert [each.fact for each in questions(unknown)] == [name for names in READS.values() for name in names]
    assert not questions(HARMLESS)


@given(facts=facts)
def test_each_answer_adds_the_points_that_it_was_shown_with(facts: RiskFacts) -> None:
    for question in questions(facts):
        assert [each.points for each in question.answers] == sorted(each.points for each in question.answers)
        for answer in question.answers:
            known = with_answer(facts, question.fact, answer.key)
            component = next(each for each in assess(known).components if each.factor is question.factor)
            assert component.answered
            if not component.missing:
                assert component.points == answer.points
                assert component.reason.endswith("A person said so; no system measured it.")


def test_what_was_measured_cannot_be_answered_away() -> None:
    with pytest.raises(InvalidInputError, match="known already"):
        with_answer(WORST, "rollback", "rehearsed")
    answered = with_answer(replace(WORST, rollback=None), "rollback", "manual")
    assert with_answer(answered, "rollback", "computed").rollback is Rollback.COMPUTED
    with pytest.raises(InvalidInputError, match="no such question"):
        with_answer(WORST, "answered", "0")
    with pytest.raises(InvalidInputError, match="possible answers: rehearsed"):
        with_answer(replace(WORST, rollback=None), "rollback", "perfect")


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"devices": -1}, "devices"),
        ({"devices": True}, "devices"),
        ({"share_percent": 101}, "share_percent"),
        ({"criticality": "none"}, "criticality"),
        ({"warnings": {"critical": -1}}, "warnings"),
        ({"template": {"runs": 3}}, "template"),
        ({"template": 3}, "template"),
        ({"colour": "red"}, "colour"),
        ({"answered": ["colour"]}, "answered"),
        ({"answered": "devices"}, "answered"),
    ],
)
def test_stored_facts_that_cannot_be_are_refused(data: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        RiskFacts.of(data)
    assert list(caught.value.fields) == [field]


def test_impossible_numbers_never_become_a_score() -> None:
    for wrong in ({"devices": -1}, {"share_percent": 101}, {"alone": -1}):
        with pytest.raises(ValueError, match=r"from 0"):
            replace(HARMLESS, **wrong)  # type: ignore[arg-type]
    for kind in (History, WarningCounts):
        with pytest.raises(ValueError, match=r"from 0"):
            kind(-1, 0)


AUTHOR, EDITOR, MANAGER, OUTSIDER = 1, 2, 3, 4
CHANGE = ChangeFacts(author_id=AUTHOR, editor_ids=frozenset({EDITOR}), state=ChangeState.DRAFT)
LOW, MEDIUM, HIGH = RiskLevel
WHY = "The site is closed that night."


def person(id_: int, *roles: Role, superuser: bool = False) -> Person:
    return Person(id_, f"p{id_}", frozenset(roles), superuser)


@pytest.mark.parametrize(
    ("who", "wanted", "reason", "codes"),
    [
        (person(AUTHOR, Role.REQUESTER), HIGH, "", ()),
        (person(EDITOR, Role.REQUESTER), HIGH, "", ()),
        (person(MANAGER, Role.CHANGE_MANAGER), HIGH, "", ()),
        (person(OUTSIDER, Role.REQUESTER), HIGH, "", ("GATE_ROLE_DENIED",)),
        (person(AUTHOR), HIGH, "", ("GATE_ROLE_DENIED",)),
        (person(AUTHOR, Role.REQUESTER), LOW, WHY, ("GATE_ROLE_DENIED", "GATE_SELF_APPROVAL")),
        (person(AUTHOR, Role.CHANGE_MANAGER), LOW, WHY, ("GATE_SELF_APPROVAL",)),
        (person(EDITOR, Role.CHANGE_MANAGER, superuser=True), LOW, WHY, ("GATE_SELF_APPROVAL",)),
        (person(OUTSIDER, superuser=True), LOW, WHY, ("GATE_ROLE_DENIED",)),
        (person(MANAGER, Role.CHANGE_MANAGER, Role.AUDITOR), LOW, WHY, ("GATE_ROLE_DENIED",)),
        (person(MANAGER, Role.CHANGE_MANAGER), LOW, "        ok ", ("REASON_MISSING",)),
        (person(MANAGER, Role.CHANGE_MANAGER), LOW, WHY, ()),
        (person(MANAGER, Role.CHANGE_MANAGER), MEDIUM, WHY, ("RISK_UNCHANGED",)),
    ],
)
def test_upward_by_the_requester_downward_by_a_manager_with_a_reason(
    who: Person, wanted: RiskLevel, reason: str, codes: tuple[str, ...]
) -> None:
    verdict = may_override(who, CHANGE, effective=MEDIUM, wanted=wanted, reason=reason)
    assert verdict.codes == codes
    assert all(denial.sentence.endswith(".") for denial in verdict.reasons)


@pytest.mark.parametrize("state", sorted(set(ChangeState) - BEFORE_IMPLEMENTING))
def test_nobody_sets_a_level_once_the_change_is_carried_out(state: ChangeState) -> None:
    manager = person(MANAGER, Role.CHANGE_MANAGER)
    verdict = may_override(manager, replace(CHANGE, state=state), effective=MEDIUM, wanted=LOW, reason=WHY)
    assert verdict.codes == ("ALREADY_STARTED",)


@given(
    computed=st.sampled_from(RiskLevel),
    override=st.builds(
        Override,
        st.sampled_from(RiskLevel),
        st.sampled_from(RiskLevel),
        st.just(1),
        st.just(WHY),
        st.sampled_from(["a", "b"]),
    ),
)
def test_a_level_is_lowered_only_for_the_plan_and_the_score_that_the_manager_saw(
    computed: RiskLevel, override: Override
) -> None:
    found = effective_level(computed, override, plan_digest="a")
    if found.rank < computed.rank:
        assert override.plan_digest == "a"
        assert override.level is found
        assert computed.rank <= override.computed.rank
    if override.level.rank > override.computed.rank:
        assert found.rank >= override.level.rank


def test_a_lowered_level_holds_for_its_plan() -> None:
    lowered = Override(LOW, HIGH, MANAGER, WHY, "a")
    assert effective_level(HIGH, lowered, plan_digest="a") is LOW
    assert effective_level(HIGH, lowered, plan_digest="b") is HIGH
    assert effective_level(MEDIUM, None, plan_digest="a") is MEDIUM
