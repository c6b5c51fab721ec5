"""The breaker's states, exhaustively: every state, every event, every boundary of time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.domain.breaker import Admission, Breaker, BreakerPolicy, BreakerState
from devices.domain.retry import RetryPolicy

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SITE = BreakerPolicy(failures=3, window_s=300, cool_down_s=60, longest_s=200, give_up_s=900, trial_s=30, distinct=True)
CREDENTIAL = BreakerPolicy(
    failures=3, window_s=300, cool_down_s=60, longest_s=200, give_up_s=900, trial_s=30, proof_s=600
)
OFF = BreakerPolicy(failures=0, proof_s=600)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def failing(policy: BreakerPolicy, *subjects: str, start: float = 0) -> Breaker:
    breaker = Breaker()
    for second, subject in enumerate(subjects):
        breaker = breaker.failed(policy, at(start + second), subject=subject)
    return breaker


OPENED = failing(SITE, "a", "b", "c")


def test_it_opens_after_failures_in_a_row_of_several_devices() -> None:
    assert failing(SITE, "a", "b").state is BreakerState.CLOSED
    assert failing(SITE, "a", "a", "a", "b").state is BreakerState.CLOSED
    assert (OPENED.state, OPENED.opened_at, OPENED.open_until) == (BreakerState.OPEN, at(2), at(62))


def test_refusals_of_one_device_count_each_where_an_account_may_be_locked() -> None:
    assert failing(CREDENTIAL, "a", "a", "a").state is BreakerState.OPEN


def test_a_success_in_between_begins_the_row_again() -> None:
    breaker = failing(SITE, "a", "b").succeeded(SITE, NOW).failed(SITE, at(5), subject="c")
    assert (breaker.state, breaker.failures) == (BreakerState.CLOSED, 1)


@pytest.mark.parametrize(("second", "state"), [(300, BreakerState.OPEN), (300.001, BreakerState.CLOSED)])
def test_failures_count_within_their_window(second: float, state: BreakerState) -> None:
    assert failing(SITE, "a", "b").failed(SITE, at(second), subject="c").state is state


@pytest.mark.parametrize(
    ("second", "admission"),
    [(2, Admission.WAIT), (61.999, Admission.WAIT), (62, Admission.TRY), (5000, Admission.TRY)],
)
def test_open_waits_for_the_cool_down_and_then_lets_one_try(second: float, admission: Admission) -> None:
    assert OPENED.admission(SITE, at(second)) is admission
    assert OPENED.wait_s(at(second)) == pytest.approx(max(62 - second, 0))


def test_half_open_lets_one_device_try_and_the_others_hold() -> None:
    half = OPENED.trying(SITE, at(62))
    assert half.state is BreakerState.HALF_OPEN
    assert half.admission(SITE, at(63)) is Admission.HOLD
    # the worker that tried was lost
    assert half.admission(SITE, at(92)) is Admission.TRY
    # the trial told nothing
    assert half.ended(at(63)).admission(SITE, at(63)) is Admission.TRY


def test_a_trial_that_succeeds_closes_it() -> None:
    closed = OPENED.trying(SITE, at(62)).succeeded(SITE, at(63))
    assert closed == Breaker()
    assert closed.admission(SITE, at(63)) is Admission.GO


def test_each_trial_that_fails_doubles_the_cool_down_up_to_the_longest() -> None:
    breaker, now, waits = OPENED, 62.0, []
    for _ in range(4):
        breaker = breaker.trying(SITE, at(now)).failed(SITE, at(now), subject="d", trial=True)
        waits.append(breaker.wait_s(at(now)))
        now += waits[-1]
    assert waits == [120, 200, 200, 200]
    assert (breaker.state, breaker.opened_at) == (BreakerState.OPEN, at(2))


@pytest.mark.parametrize(("second", "admission"), [(901.9, Admission.WAIT), (902, Admission.GIVE_UP)])
def test_who_would_wait_too_long_gives_up(second: float, admission: Admission) -> None:
    late = OPENED.trying(SITE, at(800)).failed(SITE, at(800), trial=True)
    assert late.admission(SITE, at(second)) is admission
    # but when a trial is due again, it is made
    assert late.admission(SITE, at(920)) is Admission.TRY


def test_failures_that_had_begun_before_it_opened_change_nothing() -> None:
    assert OPENED.failed(SITE, at(30), subject="z") == OPENED


def test_while_one_tries_the_late_failure_of_another_decides_nothing() -> None:
    trying = OPENED.trying(SITE, at(70))
    assert trying.failed(SITE, at(71), subject="z") == trying
    assert trying.failed(SITE, at(71), subject="z").succeeded(SITE, at(72)).state is BreakerState.CLOSED


def test_a_trial_whose_worker_was_lost_is_made_by_another_when_its_time_is_over() -> None:
    trying = OPENED.trying(SITE, at(70))
    assert trying.admission(SITE, at(99)) is Admission.HOLD
    assert trying.admission(SITE, at(100)) is Admission.TRY
    again = trying.trying(SITE, at(100))
    assert (again.trials, again.admission(SITE, at(101))) == (1, Admission.HOLD)


def test_an_unproved_credential_is_tried_by_no_more_at_once_than_may_fail() -> None:
    breaker = Breaker()
    for _ in range(3):
        assert breaker.admission(CREDENTIAL, NOW) is Admission.TRY
        breaker = breaker.trying(CREDENTIAL, NOW)
    assert breaker.admission(CREDENTIAL, NOW) is Admission.HOLD
    refused = breaker.failed(CREDENTIAL, NOW, subject="a", trial=True)
    assert (refused.trials, refused.admission(CREDENTIAL, NOW)) == (2, Admission.HOLD)
    refused = refused.failed(CREDENTIAL, NOW, trial=True).failed(CREDENTIAL, NOW, trial=True)
    assert (refused.state, refused.trials) == (BreakerState.OPEN, 0)


def test_a_proof_lets_all_go_for_a_time_and_a_refusal_ends_it() -> None:
    proved = Breaker().succeeded(CREDENTIAL, NOW)
    assert proved.admission(CREDENTIAL, at(599)) is Admission.GO
    assert proved.admission(CREDENTIAL, at(600)) is Admission.TRY
    refused = proved.failed(CREDENTIAL, at(1), subject="a")
    assert refused.admission(CREDENTIAL, at(1)) is Admission.TRY
    assert refused.succeeded(CREDENTIAL, at(2)).admission(CREDENTIAL, at(2)) is Admission.GO


def test_a_success_is_stored_only_where_there_is_something_to_forget_or_a_proof_to_renew() -> None:
    assert not Breaker().learns_of_success(SITE, NOW)
    assert failing(SITE, "a").learns_of_success(SITE, NOW)
    assert OPENED.learns_of_success(SITE, NOW)
    assert Breaker().learns_of_success(CREDENTIAL, NOW)
    proved = Breaker().succeeded(CREDENTIAL, NOW)
    assert not proved.learns_of_success(CREDENTIAL, at(300))
    assert proved.learns_of_success(CREDENTIAL, at(301))


@pytest.mark.parametrize("breaker", [Breaker(), OPENED, OPENED.trying(SITE, NOW)])
def test_switched_off_it_lets_everything_go(breaker: Breaker) -> None:
    assert breaker.admission(OFF, NOW) is Admission.GO
    assert not breaker.learns_of_success(OFF, NOW)
    assert breaker.failed(OFF, NOW, subject="a").state is breaker.state


@given(
    events=st.lists(st.tuples(st.sampled_from(["attempt", "fail", "succeed", "nothing"]), st.integers(0, 90))),
    policy=st.sampled_from([SITE, CREDENTIAL]),
)
def test_whatever_happens_no_more_trials_run_than_may_fail(
    events: list[tuple[str, int]], policy: BreakerPolicy
) -> None:
    """A credential that always fails is refused at most ``failures`` times before it opens, and once per cool-down."""
    breaker, now = Breaker(), NOW
    under_way: list[bool] = []
    for event, seconds in events:
        now += timedelta(seconds=seconds)
        if event == "attempt":
            admission = breaker.admission(policy, now)
            if admission is Admission.TRY:
                breaker = breaker.trying(policy, now)
                under_way.append(True)
            elif admission is Admission.GO:
                under_way.append(False)
            assert breaker.trials <= policy.failures
            assert breaker.state is not BreakerState.HALF_OPEN or breaker.trials <= 1
        elif under_way:
            trial = under_way.pop()
            if event == "fail":
                breaker = breaker.failed(policy, now, subject=str(len(under_way)), trial=trial)
            elif event == "succeed":
                breaker = breaker.succeeded(policy, now)
            elif trial:
                breaker = breaker.ended(now)
        assert (breaker.open_until is not None) is (breaker.state is not BreakerState.CLOSED)
        assert breaker.failures < policy.failures or breaker.state is not BreakerState.CLOSED
        assert breaker.wait_s(now) <= policy.longest_s


@pytest.mark.parametrize(("attempt", "permanent"), list(product((1, 2, 3, 4), (False, True))))
def test_only_transient_errors_are_tried_again_and_not_for_ever(attempt: int, permanent: bool) -> None:
    assert RetryPolicy(3, 1.0).goes_on(attempt, permanent=permanent) is (attempt < 3 and not permanent)


def test_pauses_grow_and_spread() -> None:
    policy = RetryPolicy(attempts=4, base_s=2, factor=3, jitter=0.5)
    assert [policy.pause_s(attempt, 0) for attempt in (1, 2, 3)] == [2, 6, 18]
    assert (policy.pause_s(1, -1), policy.pause_s(1, 1)) == (1, 3)
