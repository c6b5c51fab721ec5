from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changes.domain.run_states import DEVICE_ENDED, DeviceRunState, RunOutcome, run_outcome, suggested_close_code
from changes.domain.states import CloseCode

D, R = DeviceRunState, RunOutcome


@pytest.mark.parametrize(
    ("states", "outcome"),
    [
        ([D.SUCCEEDED], R.SUCCEEDED),
        ([D.SUCCEEDED, D.SUCCEEDED], R.SUCCEEDED),
        ([D.SUCCEEDED, D.ROLLED_BACK], R.PARTIAL),
        ([D.SUCCEEDED, D.SKIPPED], R.PARTIAL),
        ([D.SUCCEEDED, D.BLOCKED], R.PARTIAL),
        ([D.SUCCEEDED, D.FAILED], R.PARTIAL),
        ([D.SUCCEEDED, D.ROLLBACK_FAILED], R.PARTIAL),
        ([D.SUCCEEDED, D.UNKNOWN], R.UNKNOWN),
        ([D.ROLLED_BACK, D.ROLLED_BACK], R.ROLLED_BACK),
        ([D.ROLLED_BACK, D.FAILED, D.SKIPPED], R.ROLLED_BACK),
        ([D.ROLLED_BACK, D.ROLLBACK_FAILED], R.FAILED),
        ([D.FAILED], R.FAILED),
        ([D.FAILED, D.BLOCKED, D.SKIPPED], R.FAILED),
        ([D.BLOCKED, D.SKIPPED], R.ABORTED),
        ([D.SKIPPED], R.ABORTED),
        ([], R.ABORTED),
        ([D.UNKNOWN, D.ROLLBACK_FAILED], R.UNKNOWN),
    ],
)
def test_outcome_of_a_run(states: list[DeviceRunState], outcome: RunOutcome) -> None:
    assert run_outcome(states) is outcome


ends = st.lists(st.sampled_from(sorted(DEVICE_ENDED)), min_size=1)


@given(ends)
def test_a_run_is_green_only_when_every_device_succeeded(states: list[DeviceRunState]) -> None:
    assert (run_outcome(states) is R.SUCCEEDED) == all(state is D.SUCCEEDED for state in states)


@given(ends)
def test_a_run_is_partial_exactly_when_some_but_not_all_succeeded_and_all_is_known(
    states: list[DeviceRunState],
) -> None:
    mixed = D.SUCCEEDED in states and set(states) != {D.SUCCEEDED} and D.UNKNOWN not in states
    assert (run_outcome(states) is R.PARTIAL) == mixed


@given(ends, st.randoms())
def test_the_order_of_devices_does_not_matter(states: list[DeviceRunState], random: Random) -> None:
    shuffled = list(states)
    random.shuffle(shuffled)
    assert run_outcome(shuffled) is run_outcome(states)


@pytest.mark.parametrize("state", sorted(set(DeviceRunState) - DEVICE_ENDED))
def test_a_run_with_a_device_still_at_work_has_no_outcome(state: DeviceRunState) -> None:
    with pytest.raises(ValueError, match=state.value):
        run_outcome([D.SUCCEEDED, state])


def test_only_full_success_suggests_a_successful_close() -> None:
    suggested = {outcome: suggested_close_code(outcome) for outcome in RunOutcome}
    assert [outcome for outcome, code in suggested.items() if code is CloseCode.SUCCESSFUL] == [R.SUCCEEDED]
    assert suggested[R.PARTIAL] is CloseCode.SUCCESSFUL_WITH_ISSUES
    assert suggested[R.ROLLED_BACK] is CloseCode.ROLLED_BACK
    assert suggested[R.UNKNOWN] is suggested[R.FAILED] is CloseCode.FAILED
    assert suggested[R.ABORTED] is CloseCode.ABORTED
