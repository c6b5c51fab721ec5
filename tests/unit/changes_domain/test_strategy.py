import pytest

from changes.domain.errors import InvalidInputError
from changes.domain.strategy import HumanGate, Strategy, parse_strategy


def test_what_is_left_out_takes_its_default() -> None:
    assert parse_strategy({}) == Strategy().as_data()
    assert parse_strategy({"max_parallel": 100, "canary": 2}) == {
        **Strategy().as_data(),
        "max_parallel": 100,
        "canary": 2,
    }


def test_older_plans_name_fewer_fields() -> None:
    assert Strategy.of({"max_parallel": 3, "on_failure": "backout"}) == Strategy(max_parallel=3)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("max_parallel", 0, "from 1 to 100"),
        ("max_parallel", True, "from 1 to 100"),
        ("max_parallel", "10", "from 1 to 100"),
        ("max_parallel", 1.5, "from 1 to 100"),
        ("canary", 4, "from 0 to 3"),
        ("batch_percent", 0, "from 1 to 100"),
        ("gate_timeout_s", 10, "from 60 to 604,800"),
        ("gate", "sometimes", "Allowed: after_canary, after_every_wave, none"),
        ("gate_role", "requester", "change-manager"),
        ("on_failure", "ignore", "Allowed: backout."),
        ("on_budget_spent", ["pause"], "Allowed: abort, pause, roll_back."),
    ],
)
def test_a_bad_value_is_named_under_its_field(name: str, value: object, sentence: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        parse_strategy({name: value})
    assert list(refused.value.fields) == [f"strategy.{name}"]
    assert sentence in refused.value.fields[f"strategy.{name}"][0]


@pytest.mark.parametrize("value", [None, [], "fast", 7])
def test_a_strategy_is_an_object(value: object) -> None:
    with pytest.raises(InvalidInputError, match="must be an object"):
        parse_strategy(value)


def test_unknown_fields_are_refused_and_all_findings_come_together() -> None:
    with pytest.raises(InvalidInputError) as refused:
        parse_strategy({"canaries": 2, "max_parallel": 0})
    assert set(refused.value.fields) == {"strategy.canaries", "strategy.max_parallel"}


def test_the_larger_budget_counts() -> None:
    strategy = Strategy(failures_allowed=2, failures_allowed_percent=10)
    assert [strategy.failures_borne(devices) for devices in (5, 20, 30, 100)] == [2, 2, 3, 10]
    assert Strategy(failures_allowed_percent=0).failures_borne(100) == 0


@pytest.mark.parametrize(
    ("strategy", "failed", "in_canary", "accepted", "bears"),
    [
        (Strategy(), 0, 0, 0, True),
        (Strategy(), 1, 0, 0, False),
        (Strategy(), 1, 0, 1, True),
        (Strategy(), 2, 0, 1, False),
        (Strategy(failures_allowed=2), 2, 2, 0, True),
        (Strategy(failures_allowed=2), 3, 0, 1, False),
        (Strategy(failures_allowed_percent=100), 10, 3, 0, True),
        (Strategy(canary=3, failures_allowed_percent=100), 1, 1, 0, False),
        (Strategy(canary=3, failures_allowed_percent=100), 2, 2, 1, False),
        (Strategy(canary=3, failures_allowed=4), 4, 1, 1, True),
        (Strategy(canary=3, failures_allowed=4), 5, 1, 1, False),
        (Strategy(canary=1), 1, 0, 0, False),
    ],
)
def test_what_a_run_bears(strategy: Strategy, failed: int, in_canary: int, accepted: int, bears: bool) -> None:
    assert strategy.bears(failed, devices=10, in_canary=in_canary, accepted=accepted) is bears


def test_who_waits_for_a_person() -> None:
    assert [Strategy(gate=HumanGate.AFTER_CANARY).waits_for_a_person(wave) for wave in (1, 2)] == [True, False]
    assert all(Strategy(gate=HumanGate.AFTER_EVERY_WAVE).waits_for_a_person(wave) for wave in (1, 2, 9))
    assert not Strategy().waits_for_a_person(1)
