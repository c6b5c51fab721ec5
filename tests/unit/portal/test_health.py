import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.supervision.health import Reading, complaint


def reading(**values: float | None) -> Reading:
    usual: dict[str, float | int | None] = {
        "age_s": 100.0,
        "workers": 2,
        "busy": 0,
        "oldest_taken_s": None,
        "oldest_ended_s": None,
        "polled_s": 0.1,
        "activity_s": 50.0,
    }
    return Reading(**{**usual, **values})  # type: ignore[arg-type]  # mypy does not follow the names


@pytest.mark.parametrize(
    ("what", "values"),
    [
        ("idle", {}),
        ("just started", {"age_s": 1.0, "polled_s": None, "activity_s": None}),
        ("taken a moment ago", {"oldest_taken_s": 4.0}),
        ("waits, but something began lately", {"oldest_taken_s": 30.0, "activity_s": 2.0}),
        ("waits behind busy workers", {"oldest_taken_s": 100.0, "busy": 2, "polled_s": 100.0}),
        ("the pusher waits for a busy pool", {"polled_s": 100.0, "busy": 2}),
        ("ended a moment ago", {"oldest_ended_s": 7.0}),
        ("nothing is taken out of the queue, but a worker is at work", {"oldest_ended_s": 100.0, "busy": 1}),
    ],
)
def test_healthy(what: str, values: dict[str, float | None]) -> None:
    assert complaint(reading(**values)) == "", what


@pytest.mark.parametrize(
    ("words", "values"),
    [
        ("a task has waited 6 s in the group although 2 of 2 workers are free", {"oldest_taken_s": 6.0}),
        ("although 1 of 2 workers are free", {"oldest_taken_s": 6.0, "busy": 1}),
        ("nobody has looked for work for 9 s", {"polled_s": 9.0}),
        ("a task that ended 9 s ago is still in the queue", {"oldest_ended_s": 9.0, "activity_s": 9.0}),
        ("nobody has looked for work for 21 s", {"age_s": 21.0, "polled_s": None, "activity_s": None}),
    ],
)
def test_hanging(words: str, values: dict[str, float | None]) -> None:
    assert words in complaint(reading(**values))


seconds = st.floats(min_value=0, max_value=1000)
maybe_seconds = st.none() | seconds


@given(
    age_s=seconds,
    workers=st.integers(1, 8),
    oldest_taken_s=maybe_seconds,
    oldest_ended_s=maybe_seconds,
    polled_s=maybe_seconds,
    activity_s=maybe_seconds,
)
def test_group_that_is_fully_at_work_is_never_killed(
    age_s: float,
    workers: int,
    oldest_taken_s: float | None,
    oldest_ended_s: float | None,
    polled_s: float | None,
    activity_s: float | None,
) -> None:
    assert not complaint(Reading(age_s, workers, workers, oldest_taken_s, oldest_ended_s, polled_s, activity_s))


@given(oldest_taken_s=maybe_seconds, polled_s=maybe_seconds, activity_s=maybe_seconds, age_s=st.floats(0, 8))
def test_young_group_is_never_killed(
    age_s: float, oldest_taken_s: float | None, polled_s: float | None, activity_s: float | None
) -> None:
    assert not complaint(Reading(age_s, 2, 0, oldest_taken_s, None, polled_s, activity_s))
