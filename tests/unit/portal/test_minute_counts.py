"""Counts of a minute, whose memory nobody can make grow and whose keys nobody can push out."""

from __future__ import annotations

import pytest

from portal import refusal_limits as limits
from portal.minute_counts import MinuteCounts, network_of
from portal.refusal_limits import OF_ALL_STRANGERS, OF_ONE_KIND, OF_ONE_PERSON, telling


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(limits, "counts", MinuteCounts(found))
    return found


def told(times: int, *, user_id: int | None = 7, status: int = 403, address: str = "192.0.2.1", place: str = "") -> int:
    return sum(telling(status=status, user_id=user_id, address=address, place=place).told for _ in range(times))


def test_a_minute_that_is_over_counts_no_more_and_tells_once_how_many_there_were() -> None:
    clock = Clock()
    counts = MinuteCounts(clock)
    assert [counts.add("a") for _ in range(3)] == [1, 2, 3]
    clock.now = 59.9
    assert (counts.of("a"), counts.left_s()) == (3, 1)
    clock.now = 60.0
    assert (counts.of("a"), counts.left_s(), counts.add("a")) == (0, 60, 1)
    assert [counts.take_last("a"), counts.take_last("a")] == [3, 0]


def test_keys_without_end_do_not_push_others_out_and_share_one_count() -> None:
    counts = MinuteCounts(Clock(), most_keys=3)
    counts.add("first")
    assert [counts.add(f"key {number}") for number in range(6)] == [1, 1, 1, 2, 3, 4]
    assert (counts.of("first"), counts.add("first")) == (1, 2)


def test_what_was_counted_minutes_ago_is_kept_until_it_is_told() -> None:
    clock = Clock()
    counts = MinuteCounts(clock)
    for _ in range(5):
        counts.add("a")
    for minute in range(1, 4):
        clock.now = 60.0 * minute
        counts.add("b")
    assert counts.take_last("a") == 5


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8:0:0:ffff::2", "2001:db8::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", ""),
        ("no address", "no address"),
    ],
)
def test_one_line_of_ipv6_is_one_address(address: str, network: str) -> None:
    assert network_of(address) == network


def test_one_person_is_told_so_often_at_one_place_and_in_all(clock: Clock) -> None:
    assert told(1000) == OF_ONE_KIND
    assert sum(told(100, place=f"place {number}") for number in range(50)) == OF_ONE_PERSON - OF_ONE_KIND
    assert told(1, user_id=8) == 1, "nobody else is kept from being told"
    clock.now = 60
    found = telling(status=403, user_id=7, address="", place="x")
    assert (found.told, found.not_told) == (True, 6000 - OF_ONE_PERSON), "what was counted is told"
    assert telling(status=403, user_id=7, address="", place="x").not_told == 0


def test_the_last_one_that_is_told_says_so(clock: Clock) -> None:
    last = [telling(status=403, user_id=7, address="", place="x").is_last for _ in range(OF_ONE_KIND + 1)]
    assert last == [False] * (OF_ONE_KIND - 1) + [True, False]


def test_strangers_are_told_once_for_an_address_and_so_often_together(clock: Clock) -> None:
    assert told(100, user_id=None, status=401) == 1
    assert told(100, user_id=None, status=401, place="y") == 0, "not for each place"
    addresses = [f"198.51.{high}.{low}" for high in range(4) for low in range(99)]
    assert sum(told(1, user_id=None, status=401, address=each) for each in addresses) == OF_ALL_STRANGERS - 1
    assert sum(told(1, user_id=None, status=401, address=f"2001:db8::{each:x}") for each in range(99)) == 0
    assert told(1) == 1, "and they keep nobody who has signed in from being told"


def test_a_throttle_is_told_once(clock: Clock) -> None:
    assert told(100, status=429) == 1
