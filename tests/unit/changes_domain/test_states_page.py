"""docs/states.md shows what the code does: its diagrams are read back and compared with the functions."""

import itertools
import re
from pathlib import Path

import pytest

from changes.domain.diagram import renewed
from changes.domain.run_states import (
    DEVICE_ENDED,
    DeviceRunState,
    RunState,
    check_device_step,
    check_run_step,
    run_outcome,
    suggested_close_code,
)
from changes.domain.states import ENDED, ChangeEvent, ChangeState, ChangeType, IllegalTransitionError, next_state

PAGE = Path(__file__).parents[3] / "docs" / "states.md"
EDGE = re.compile(r"^    (\S+) --> (\S+?)(?:: (\w+)(?: \((.+)\))?)?$", re.MULTILINE)


def block(name: str) -> str:
    text = PAGE.read_text(encoding="utf-8")
    found = re.search(f"<!-- begin {name} -->\n(.*?)\n<!-- end {name} -->", text, re.DOTALL)
    assert found, f"docs/states.md has no block {name}"
    return found[1]


def test_the_page_is_as_the_tables_draw_it() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert renewed(page) == page, "run: python -m changes.domain.diagram < docs/states.md"


def test_a_page_without_the_marks_is_left_alone() -> None:
    assert renewed("nothing here\n<!-- begin change-diagram -->") == ("nothing here\n<!-- begin change-diagram -->")


def test_the_change_diagram_shows_every_legal_step_and_no_other() -> None:
    drawn = set()
    for source, target, event, types in EDGE.findall(block("change-diagram")):
        if "[*]" not in (source, target):
            for kind in types.split(", ") if types else ChangeType:
                drawn.add((source, event, str(kind), target))
    legal = set()
    for state, event, kind, early in itertools.product(ChangeState, ChangeEvent, ChangeType, (False, True)):
        try:
            target = next_state(state, event, change_type=kind, pre_approved=early)
        except IllegalTransitionError:
            continue
        skips = target != next_state(state, event, change_type=kind)
        legal.add((state.value, event.value, f"pre-approved {kind}" if skips else kind.value, target.value))
    assert drawn == legal


def test_the_change_diagram_begins_with_a_draft_and_ends_in_every_end() -> None:
    edges = [(source, target) for source, target, _, _ in EDGE.findall(block("change-diagram"))]
    assert [target for source, target in edges if source == "[*]"] == ["draft"]
    assert {source for source, target in edges if target == "[*]"} == {state.value for state in ENDED}


def test_the_device_run_diagram_shows_every_legal_step_and_no_other() -> None:
    drawn = {(source, target) for source, target, _, _ in EDGE.findall(block("device-run-diagram"))}
    legal = set()
    for state, target in itertools.product(DeviceRunState, DeviceRunState):
        try:
            legal.add((state.value, check_device_step(state, target).value))
        except IllegalTransitionError:
            continue
    assert {edge for edge in drawn if "[*]" not in edge} == legal
    assert ("[*]", "pending") in drawn


def test_the_run_diagram_shows_every_legal_step_and_no_other() -> None:
    drawn = {(source, target) for source, target, _, _ in EDGE.findall(block("run-diagram"))}
    legal = set()
    for state, target in itertools.product(RunState, RunState):
        try:
            legal.add((state.value, check_run_step(state, target).value))
        except IllegalTransitionError:
            continue
    assert {edge for edge in drawn if "[*]" not in edge} == legal


def test_the_table_of_device_run_states_is_complete() -> None:
    rows = re.findall(r"^\| (\w+) \| .*\w.* \|$", block("device-run-table"), re.MULTILINE)
    assert rows[1:] == [state.value for state in DeviceRunState]


S = DeviceRunState
OUTCOMES = {
    "all succeeded": {S.SUCCEEDED},
    "one or more is unknown": {S.UNKNOWN, S.SUCCEEDED},
    "some succeeded, some did not": {S.SUCCEEDED, S.ROLLED_BACK},
    "none succeeded, a backout failed": {S.ROLLBACK_FAILED, S.ROLLED_BACK},
    "none succeeded, one or more was rolled back": {S.ROLLED_BACK, S.FAILED},
    "none was written, one or more failed": {S.FAILED, S.BLOCKED},
    "all were skipped, or refused by a gate": {S.SKIPPED, S.BLOCKED},
}


@pytest.mark.parametrize("words", OUTCOMES)
def test_the_table_of_outcomes_says_what_the_function_does(words: str) -> None:
    states = OUTCOMES[words]
    assert states <= DEVICE_ENDED
    outcome = run_outcome(states)
    row = f"| {words} | {outcome} | {suggested_close_code(outcome)} |"
    assert row in PAGE.read_text(encoding="utf-8")
