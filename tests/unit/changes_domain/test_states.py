"""The state tables against a copy written by hand from the design, so that neither can change unnoticed."""

import itertools
from collections.abc import Callable
from typing import TypeVar

import pytest

from changes.domain.run_states import (
    DEVICE_ACTIVE,
    DEVICE_AFTER_WRITE,
    DEVICE_BEFORE_WRITE,
    DEVICE_ENDED,
    DEVICE_TRANSITIONS,
    RUN_TRANSITIONS,
    DeviceRunState,
    RunState,
    check_device_step,
    check_run_step,
)
from changes.domain.states import (
    ACTIVE,
    BEFORE_IMPLEMENTING,
    EDITABLE,
    ENDED,
    EXECUTING,
    IN_REVIEW,
    TRANSITIONS,
    ChangeEvent,
    ChangeState,
    ChangeType,
    IllegalTransitionError,
    check_editable,
    events_from,
    next_state,
)

_State = TypeVar("_State")

ALLOWED: dict[tuple[str, str], str] = {
    ("draft", "submit"): "assessment",
    ("draft", "cancel"): "canceled",
    ("assessment", "assess"): "authorization",
    ("assessment", "request_changes"): "draft",
    ("assessment", "withdraw"): "draft",
    ("assessment", "reject"): "rejected",
    ("assessment", "cancel"): "canceled",
    ("authorization", "authorize"): "approved",
    ("authorization", "request_changes"): "draft",
    ("authorization", "withdraw"): "draft",
    ("authorization", "reject"): "rejected",
    ("authorization", "cancel"): "canceled",
    ("approved", "schedule"): "scheduled",
    ("approved", "reopen"): "authorization",
    ("approved", "expire"): "stale",
    ("approved", "start"): "implementing",
    ("approved", "cancel"): "canceled",
    ("scheduled", "reopen"): "authorization",
    ("scheduled", "expire"): "stale",
    ("scheduled", "start"): "implementing",
    ("scheduled", "cancel"): "canceled",
    ("stale", "revise"): "draft",
    ("stale", "cancel"): "canceled",
    ("implementing", "pause"): "paused",
    ("implementing", "roll_back"): "rolling_back",
    ("implementing", "finish"): "review",
    ("paused", "resume"): "implementing",
    ("paused", "roll_back"): "rolling_back",
    ("paused", "finish"): "review",
    ("rolling_back", "finish"): "review",
    ("review", "roll_back"): "rolling_back",
    ("review", "retry"): "implementing",
    ("review", "close"): "closed",
}
SUBMIT_BY_TYPE = {
    ("standard", False): "assessment",
    ("standard", True): "approved",
    ("normal", False): "assessment",
    ("normal", True): "assessment",
    ("emergency", False): "authorization",
    ("emergency", True): "authorization",
}


@pytest.mark.parametrize("state", list(ChangeState))
def test_every_event_leads_where_the_design_says_or_is_refused(state: ChangeState) -> None:
    cases = list(itertools.product(ChangeEvent, ChangeType, (False, True)))
    found = {case: _after(state, *case) for case in cases}
    assert found == {case: _designed(state, *case) for case in cases}


def _after(state: ChangeState, event: ChangeEvent, kind: ChangeType, pre_approved: bool) -> object:
    """The state that the event leads to, or what the refusal names."""
    try:
        return next_state(state, event, change_type=kind, pre_approved=pre_approved).value
    except IllegalTransitionError as refused:
        return refused.code, refused.state, refused.event


def _designed(state: ChangeState, event: ChangeEvent, kind: ChangeType, pre_approved: bool) -> object:
    target = ALLOWED.get((state.value, event.value))
    if target is None:
        return "illegal_transition", state, event
    return SUBMIT_BY_TYPE[kind.value, pre_approved] if event is ChangeEvent.SUBMIT else target


def test_submit_is_the_only_event_whose_target_depends_on_the_type() -> None:
    assert {row.event for row in TRANSITIONS if row.types != frozenset(ChangeType)} == {ChangeEvent.SUBMIT}


def test_no_pair_stands_in_two_rows() -> None:
    rows = [
        (source, row.event, kind, row.pre_approved)
        for row in TRANSITIONS
        for source in row.sources
        for kind in row.types
    ]
    assert len(rows) == len(set(rows))


def test_every_row_says_who_and_under_which_guard() -> None:
    assert all(row.actors and row.guard and row.sources for row in TRANSITIONS)


@pytest.mark.parametrize("state", list(ChangeState))
def test_possible_events_are_exactly_those_that_are_not_refused(state: ChangeState) -> None:
    assert {event.value for event in events_from(state)} == {
        event for source, event in ALLOWED if source == state.value
    }


def test_ended_changes_have_no_way_on_and_all_others_have_one() -> None:
    assert {state.value for state in ENDED} == {"closed", "rejected", "canceled"}
    assert all(not events_from(state) for state in ENDED)
    assert all(events_from(state) for state in ACTIVE)
    assert set(ChangeState) == ACTIVE | ENDED


def test_the_groups_of_states_do_not_overlap() -> None:
    assert EDITABLE | IN_REVIEW < BEFORE_IMPLEMENTING
    assert not BEFORE_IMPLEMENTING & EXECUTING
    assert BEFORE_IMPLEMENTING | EXECUTING | {ChangeState.REVIEW} == ACTIVE


def test_a_refusal_says_what_is_possible_instead() -> None:
    with pytest.raises(IllegalTransitionError) as refused:
        next_state(ChangeState.REVIEW, ChangeEvent.RESUME)
    assert str(refused.value) == (
        '"resume" is not possible while the state is "review". Possible now: roll back, retry, close.'
    )
    with pytest.raises(IllegalTransitionError, match="nothing, it has ended"):
        next_state(ChangeState.CLOSED, ChangeEvent.SUBMIT)


@pytest.mark.parametrize("state", list(ChangeState))
def test_only_drafts_can_be_edited(state: ChangeState) -> None:
    if state is ChangeState.DRAFT:
        check_editable(state)
        return
    with pytest.raises(IllegalTransitionError) as refused:
        check_editable(state, verb="plan")
    assert refused.value.event == "plan"


RUN_STEPS = {
    "pending": {"running", "ended"},
    "running": {"paused", "rolling_back", "ended"},
    "paused": {"running", "rolling_back", "ended"},
    "rolling_back": {"ended"},
    "ended": {"rolling_back"},
}


@pytest.mark.parametrize("state", list(RunState))
def test_a_run_steps_only_where_the_table_says(state: RunState) -> None:
    assert {target.value for target in RunState if _steps(check_run_step, state, target)} == RUN_STEPS[state.value]
    assert RUN_TRANSITIONS.keys() == set(RunState)


def _steps(check: Callable[[_State, _State], _State], state: _State, target: _State) -> bool:
    try:
        assert check(state, target) is target
    except IllegalTransitionError:
        return False
    return True


_STOP = {"failed", "blocked", "skipped"}
DEVICE_STEPS = {
    "pending": {"connecting"} | _STOP,
    "connecting": {"checking", "pending"} | _STOP,
    "checking": {"snapshotting", "pending"} | _STOP,
    "snapshotting": {"applying", "pending"} | _STOP,
    "applying": {"awaiting_confirm", "verifying", "backing_out", "reconciling", "failed"},
    "awaiting_confirm": {"verifying", "backing_out", "reconciling", "rolled_back"},
    "verifying": {"saving", "backing_out", "reconciling"},
    "saving": {"succeeded", "backing_out", "reconciling"},
    "backing_out": {"rolled_back", "rollback_failed", "reconciling"},
    "reconciling": {
        "awaiting_confirm",
        "verifying",
        "pending",
        "backing_out",
        "rolled_back",
        "rollback_failed",
        "rollback_pending",
        "unknown",
    }
    | _STOP,
    "succeeded": {"rollback_pending"},
    "rollback_pending": {"reconciling", "rollback_failed"},
    "unknown": {"reconciling"},
    "failed": {"pending"},
    "rolled_back": {"pending"},
    "rollback_failed": {"rollback_pending"},
    "skipped": {"pending"},
    "blocked": {"pending"},
}


@pytest.mark.parametrize("state", list(DeviceRunState))
def test_a_device_run_steps_only_where_the_table_says(state: DeviceRunState) -> None:
    found = {target.value for target in DeviceRunState if _steps(check_device_step, state, target)}
    assert found == DEVICE_STEPS[state.value]
    assert DEVICE_TRANSITIONS.keys() == set(DeviceRunState)


def test_every_device_run_state_is_before_or_after_the_first_write_or_an_end_or_waits_for_its_rollback() -> None:
    parts = (DEVICE_BEFORE_WRITE, DEVICE_AFTER_WRITE, DEVICE_ENDED, {DeviceRunState.ROLLBACK_PENDING})
    assert sum(map(len, parts)) == len(DeviceRunState)
    assert frozenset().union(*parts) == set(DeviceRunState)
    assert (DEVICE_BEFORE_WRITE | DEVICE_AFTER_WRITE) - {DeviceRunState.PENDING} == DEVICE_ACTIVE


def test_the_only_way_from_before_to_after_the_write_is_applying() -> None:
    crossings = {
        (source, target) for source in DEVICE_BEFORE_WRITE for target in DEVICE_TRANSITIONS[source] & DEVICE_AFTER_WRITE
    }
    assert crossings == {(DeviceRunState.SNAPSHOTTING, DeviceRunState.APPLYING)}


def test_after_the_write_nothing_starts_again_without_a_read_back() -> None:
    back = {source for source in DEVICE_AFTER_WRITE if DEVICE_TRANSITIONS[source] & DEVICE_BEFORE_WRITE}
    assert back == {DeviceRunState.RECONCILING}
    assert all(
        DeviceRunState.RECONCILING in DEVICE_TRANSITIONS[state]
        for state in DEVICE_AFTER_WRITE - {DeviceRunState.RECONCILING}
    )


def test_unknown_is_only_found_by_reading_back() -> None:
    sources = {state for state, targets in DEVICE_TRANSITIONS.items() if DeviceRunState.UNKNOWN in targets}
    assert sources == {DeviceRunState.RECONCILING}


def test_labels_and_choices_are_for_people_and_forms() -> None:
    assert ChangeState.ROLLING_BACK.label == "Rolling back"
    assert DeviceRunState.choices()[5] == ("awaiting_confirm", "Awaiting confirm")
    assert [value for value, _ in ChangeState.choices()] == list(ChangeState)
