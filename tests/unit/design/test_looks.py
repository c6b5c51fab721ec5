import re
from pathlib import Path

import pytest

from changes.domain.run_states import DeviceRunState, RunOutcome, RunState
from changes.domain.states import ChangeState, ChangeType, CloseCode, DevicePlanState, PlanState
from portal.templatetags._rails import rail_steps, track_steps
from portal.templatetags._states import LOOKS, look_of
from portal.views.design_samples import SampleStep

ROOT = Path(__file__).parents[3]
ALL = [
    state
    for enum in (ChangeState, CloseCode, DevicePlanState, DeviceRunState, PlanState, RunOutcome, RunState)
    for state in enum
]


@pytest.mark.parametrize("state", ALL, ids=lambda state: f"{type(state).__name__}.{state}")
def test_every_state_has_a_look_of_its_own(state: str) -> None:
    assert str(state) in LOOKS


def test_every_glyph_is_in_the_sprite() -> None:
    symbols = set(re.findall(r'<symbol id="([^"]+)"', (ROOT / "static/img/icons.svg").read_text()))
    assert {look.glyph for look in LOOKS.values()} <= symbols


@pytest.mark.parametrize(
    "state", ["partial", "rolled_back", "aborted", "unknown", "successful_with_issues", "skipped", "blocked", "stale"]
)
def test_nothing_that_is_not_whole_is_green(state: str) -> None:
    assert look_of(state).tone != "ok"


def test_states_of_one_kind_differ_by_shape_or_by_word_never_by_colour_alone() -> None:
    for enum in (ChangeState, RunOutcome, CloseCode):
        shapes = [LOOKS[state.value].glyph for state in enum]
        assert len(set(shapes)) == len(shapes)


NEVER = {
    (ChangeType.STANDARD, "assessment"),
    (ChangeType.STANDARD, "authorization"),
    (ChangeType.EMERGENCY, "assessment"),
}


@pytest.mark.parametrize(
    ("kind", "state"), [(kind, state) for kind in ChangeType for state in ChangeState if (kind, state) not in NEVER]
)
def test_the_rail_shows_exactly_one_place_to_be(kind: ChangeType, state: ChangeState) -> None:
    here = [step for step in rail_steps(state, kind) if step.status in {"current", "exit"}]
    assert [step.label for step in here] == [state.label]


def test_a_rejected_change_ends_after_the_state_it_left() -> None:
    steps = rail_steps(ChangeState.REJECTED, ChangeType.NORMAL, left_from=ChangeState.ASSESSMENT)
    assert [step.label for step in steps] == ["Draft", "Assessment", "Rejected"]


def test_the_track_says_where_a_device_failed_and_that_it_was_taken_back() -> None:
    names = ("connecting", "checking", "snapshotting")
    recorded = [*(SampleStep(name, "ok") for name in names), SampleStep("applying", "failed")]
    recorded.append(SampleStep("backing_out", "ok"))
    track = track_steps(DeviceRunState.ROLLED_BACK, recorded)
    assert [step.status for step in track] == ["ok", "ok", "ok", "failed", "todo", "todo", "ok"]
    assert track[-1].look.tone == "warn"


def test_a_step_that_nobody_ended_is_not_called_done() -> None:
    recorded = [SampleStep("connecting", "ok"), SampleStep("checking", "")]
    assert track_steps(DeviceRunState.CHECKING, recorded)[1].status == "current"
    assert track_steps(DeviceRunState.FAILED, recorded)[1].status == "failed"
