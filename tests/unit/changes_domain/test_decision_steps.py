from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changes.domain.decision_steps import (
    DEFAULT_TIMEOUT_S,
    MAX_STEPS,
    SEAL,
    DecisionStep,
    Otherwise,
    StepPlace,
    parse_steps,
    seal_of,
)
from changes.domain.errors import InvalidInputError

STEP: dict[str, Any] = {"title": "Move the cable", "instruction": "From port 1 to port 2.", "role": "implementer"}


def found(*steps: object) -> dict[str, list[str]]:
    with pytest.raises(InvalidInputError) as refused:
        parse_steps(list(steps))
    return {name: list(sentences) for name, sentences in refused.value.fields.items()}


def test_what_is_left_out_takes_its_default() -> None:
    (step,) = parse_steps([STEP])
    assert (step.place, step.timeout_s, step.otherwise) == (StepPlace.BEFORE, DEFAULT_TIMEOUT_S, Otherwise.ABORT)
    assert step.who == "somebody with the role Implementer"


def test_a_frozen_step_reads_back_as_it_was() -> None:
    given_ = {**STEP, "place": "after_wave", "wave": 2, "role": "", "person": "pete", "otherwise": "roll_back"}
    (step,) = parse_steps([given_])
    assert DecisionStep.of(step.as_data()) == step
    assert (step.where, step.who) == ("after wave 2", "pete")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": 7}, "title"),
        ({"title": "x" * 121}, "title"),
        ({"title": "a\u202eb"}, "title"),
        ({"instruction": " "}, "instruction"),
        ({"role": ""}, "person"),
        ({"person": "pete"}, "person"),
        ({"role": "auditor"}, "role"),
        ({"place": "later"}, "place"),
        ({"place": "after_wave"}, "wave"),
        ({"wave": 1}, "wave"),
        ({"timeout_s": 59}, "timeout_s"),
        ({"timeout_s": True}, "timeout_s"),
        ({"timeout_s": 7 * 86_400 + 1}, "timeout_s"),
        ({"otherwise": "go_on"}, "otherwise"),
        ({"person_id": 1}, "person_id"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_each_mistake_is_named_under_its_field(change: dict[str, object], field: str) -> None:
    assert list(found({**STEP, **change})) == [f"steps.0.{field}"]


def test_all_steps_are_judged_at_once() -> None:
    assert set(found({**STEP, "title": ""}, "text", STEP, {**STEP, "place": 1})) >= {
        "steps.0.title",
        "steps.1",
        "steps.3.place",
    }


@pytest.mark.parametrize("value", [None, "x", {"title": "a"}])
def test_only_a_list_is_one(value: object) -> None:
    with pytest.raises(InvalidInputError):
        parse_steps(value)


def test_too_many_are_refused() -> None:
    assert "at most 20" in found(*[STEP] * (MAX_STEPS + 1))["steps"][0]


@pytest.mark.parametrize(
    ("place", "wave", "waves", "point"),
    [
        (StepPlace.BEFORE, 0, [1, 2, 3], 0),
        (StepPlace.AFTER_WAVE, 1, [1, 2, 3], 1),
        (StepPlace.AFTER_WAVE, 9, [1, 2, 3], 3),
        (StepPlace.AFTER_WAVE, 2, [3, 4], 0),
        (StepPlace.AFTER_WAVE, 2, [1, 4], 1),
        (StepPlace.END, 0, [1, 2, 3], 3),
    ],
)
def test_a_step_stands_where_its_wave_is_or_would_be(place: StepPlace, wave: int, waves: list[int], point: int) -> None:
    assert DecisionStep("t", "i", place, wave, role="peer").point(waves) == point


def test_no_steps_have_no_seal_so_that_older_plans_keep_their_digests() -> None:
    assert seal_of([]) == {}


@given(st.sampled_from(sorted(STEP)), st.text(min_size=1, max_size=5))
def test_any_other_word_gives_another_seal(field: str, text: str) -> None:
    changed = {**STEP, field: STEP[field] + text}
    assert seal_of([STEP])[SEAL] != seal_of([changed])[SEAL]


def test_the_order_of_steps_is_signed_and_the_order_of_names_is_not() -> None:
    other = {**STEP, "title": "Look"}
    assert seal_of([STEP, other]) != seal_of([other, STEP])
    assert seal_of([STEP]) == seal_of([dict(reversed(STEP.items()))])
