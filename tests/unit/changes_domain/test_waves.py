from hypothesis import given
from hypothesis import strategies as st

from changes.domain.strategy import Strategy
from changes.domain.waves import Member, clashes, lay_out, wave_name


def members(count: int, **apart: frozenset[str]) -> list[Member]:
    return [Member(key, apart.get(f"d{key}", frozenset())) for key in range(count)]


def test_without_a_canary_or_batches_there_is_one_wave() -> None:
    assert lay_out(members(12), Strategy()) == (tuple(range(12)),)


def test_a_canary_comes_first_then_batches_by_share_and_cap() -> None:
    assert lay_out(members(12), Strategy(canary=2, batch_percent=50)) == ((0, 1), (2, 3, 4, 5, 6, 7), (8, 9, 10, 11))
    capped = lay_out(members(12), Strategy(canary=1, batch_percent=50, batch_cap=4))
    assert [len(wave) for wave in capped] == [1, 4, 4, 3]


def test_a_share_of_few_devices_is_one_device_at_least() -> None:
    assert lay_out(members(3), Strategy(batch_percent=1)) == ((0,), (1,), (2,))


def test_a_pair_is_never_in_one_wave_even_where_all_would_go_together() -> None:
    pair = frozenset({"group core"})
    assert lay_out(members(4, d1=pair, d2=pair), Strategy()) == ((0, 1, 3), (2,))


def test_no_devices_make_no_wave() -> None:
    assert lay_out([], Strategy(canary=1)) == ()


sets = st.frozensets(st.sampled_from(["group a", "group b", "uplinks of x", "uplinks of y"]), max_size=2)
strategies = st.builds(
    Strategy,
    canary=st.integers(0, 3),
    batch_percent=st.integers(1, 100),
    batch_cap=st.integers(0, 9),
)


@given(apart=st.lists(sets, max_size=40), strategy=strategies)
def test_every_device_is_in_one_wave_sizes_hold_and_nobody_clashes(
    apart: list[frozenset[str]], strategy: Strategy
) -> None:
    plan = [Member(key, names) for key, names in enumerate(apart)]
    waves = lay_out(plan, strategy)
    assert sorted(key for wave in waves for key in wave) == list(range(len(plan)))
    assert clashes({number: [plan[key] for key in wave] for number, wave in enumerate(waves)}) == ()
    assert all(wave == tuple(sorted(wave)) for wave in waves)
    if strategy.canary and waves:
        assert len(waves[0]) <= strategy.canary
    later = waves[1:] if strategy.canary else waves
    assert all(len(wave) <= max(1, -(-len(plan) * strategy.batch_percent // 100)) for wave in later)
    assert not strategy.batch_cap or all(len(wave) <= strategy.batch_cap for wave in later)


def test_a_pair_that_the_inventory_makes_later_is_noticed() -> None:
    pair = frozenset({"group core"})
    [clash] = clashes({1: [Member(7, pair), Member(8)], 2: [Member(9, pair), Member(10), Member(11, pair)]})
    assert (clash.wave, clash.first, clash.second, clash.because) == (2, 9, 11, "group core")


def test_waves_have_names_that_people_use() -> None:
    assert wave_name(1, Strategy(), 1) == "All devices"
    assert wave_name(1, Strategy(canary=1), 3) == "Canary"
    assert wave_name(2, Strategy(canary=1), 3) == "Wave 2"
    assert wave_name(1, Strategy(batch_cap=5), 3) == "Wave 1"
