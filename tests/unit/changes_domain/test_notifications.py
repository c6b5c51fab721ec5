from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changes.domain.notifications import (
    CHOOSABLE,
    MAX_ATTEMPTS,
    Channel,
    Choice,
    Digest,
    Topic,
    due_at,
    local_path,
    one_line,
    wait_after,
)

NOW = datetime(2026, 3, 4, 5, 30, tzinfo=UTC)


def test_each_topic_has_a_label_and_says_when_it_comes() -> None:
    for topic in Topic:
        assert topic.label
        assert topic.about.endswith(".")
    assert Topic.TEST not in CHOOSABLE


def test_what_asks_for_an_answer_goes_out_and_the_rest_is_listed_only() -> None:
    assert Choice.default(Topic.APPROVAL_WAITS).channels() == (Channel.EMAIL, Channel.WEBHOOK)
    assert Choice.default(Topic.DECIDED) == Choice(page=True, email=False, webhook=False)


@pytest.mark.parametrize(
    ("digest", "hour", "expected"),
    [
        (Digest.AT_ONCE, 6, NOW),
        (Digest.HOURLY, 6, datetime(2026, 3, 4, 6, tzinfo=UTC)),
        (Digest.DAILY, 6, datetime(2026, 3, 4, 6, tzinfo=UTC)),
        (Digest.DAILY, 5, datetime(2026, 3, 5, 5, tzinfo=UTC)),
    ],
)
def test_a_digest_waits_for_its_hour(digest: Digest, hour: int, expected: datetime) -> None:
    assert due_at(digest, NOW, hour=hour) == expected


def test_the_hour_of_a_digest_is_in_utc_whatever_the_zone_of_the_clock() -> None:
    india = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert due_at(Digest.DAILY, india, hour=6) == datetime(2026, 3, 4, 6, tzinfo=UTC)


@given(st.datetimes(timezones=st.just(UTC)), st.sampled_from(Digest), st.integers(0, 23))
def test_nothing_is_due_before_now_or_later_than_in_a_day(now: datetime, digest: Digest, hour: int) -> None:
    if now.year < 9999:
        assert timedelta(0) <= due_at(digest, now, hour=hour) - now <= timedelta(days=1)


def test_attempts_become_rarer_and_end() -> None:
    waits = [wait_after(attempt) for attempt in range(1, MAX_ATTEMPTS)]
    assert waits == sorted(waits, key=lambda wait: wait or 0)
    assert waits[0] == 15
    assert None not in waits
    assert wait_after(MAX_ATTEMPTS) is None


@given(st.text(max_size=400))
def test_a_subject_is_one_line_without_hidden_characters(text: str) -> None:
    line = one_line(text, 200)
    assert len(line) <= 200
    assert len(line.splitlines()) <= 1
    assert "\u202e" not in line


def test_a_title_cannot_add_a_header_to_an_email() -> None:
    assert one_line("Hello\r\nBcc: all@example.net", 200) == "Hello Bcc: all@example.net"


@pytest.mark.parametrize(
    "path", ["//evil.example/", "https://evil.example/", "/\\evil.example", "x", "/a\n", "/" * 600]
)
def test_a_path_never_leads_out_of_the_portal(path: str) -> None:
    assert local_path(path) == ""


def test_a_path_inside_the_portal_is_kept() -> None:
    assert local_path("/changes/7/?tab=plan#d1") == "/changes/7/?tab=plan#d1"
