from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from portal.templatetags._moments import duration, span_to, when
from portal.templatetags.diff import diff_table
from portal.templatetags.ui import avatar, diffstat, digest, icon, initials, risk, state_badge
from portal.views.design_diff import Block, Line, Part


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0 s"), (0.44, "0.4 s"), (12, "12 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (185, "3 min 05 s"),
     (3599.7, "1 h 00 min"), (7800, "2 h 10 min")],
)  # fmt: skip
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_duration_of_nothing_is_a_dash() -> None:
    assert duration(None) == "—"
    assert span_to(None, None) == "—"


def test_span_of_something_that_goes_on_counts_to_now() -> None:
    assert span_to(timezone.now() - timedelta(seconds=30), None) == "30 s"


@pytest.mark.parametrize(
    ("ago", "text"),
    [(timedelta(seconds=5), "just now"), (timedelta(minutes=5), "5 min ago"), (timedelta(hours=3), "3 h ago"),
     (timedelta(days=2), "2 d ago"), (timedelta(minutes=-10), "in 10 min"),
     (timedelta(minutes=59, seconds=50), "1 h ago")],
)  # fmt: skip
def test_when_says_how_long_ago(ago: timedelta, text: str) -> None:
    assert f">{text}</time>" in when(timezone.now() - ago, "short")


def test_when_is_utc_whatever_the_zone() -> None:
    from zoneinfo import ZoneInfo

    at = datetime(2026, 3, 1, 1, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    assert "01 Mar 2026 00:30:00 UTC" in when(at, "exact")
    assert 'datetime="2026-03-01T00:30:00.000+00:00"' in when(at)
    assert "—" in when(None)


def test_long_ago_shows_the_date_alone() -> None:
    assert ">05 Jan 2020</time>" in when(datetime(2020, 1, 5, tzinfo=UTC), "short")


def test_what_people_wrote_cannot_become_markup() -> None:
    evil = '<img src=x onerror="alert(1)">'
    for markup in (state_badge(evil), digest(evil), avatar(evil), risk(evil), icon(evil, label=evil)):
        assert "<img" not in markup
    row = Line("add", None, 1, (Part(evil, changed=True), Part(evil)))
    table = diff_table((Block(evil, 1, (row,), ((None, row),)),), "split", evil)
    assert "<img" not in table
    assert table.count("&lt;img") == 4


def test_diffstat_shows_a_colour_for_each_kind_that_occurs() -> None:
    assert diffstat(999, 1).count('data-kind="del"') == 1
    assert diffstat(1, 999).count('data-kind="add"') == 1
    assert 'data-kind="del"' not in diffstat(3, 0)
    assert 'data-kind="add"' not in diffstat(0, 0)


@pytest.mark.parametrize(("name", "text"), [("olivia", "O"), ("maria.keller", "MK"), ("", "?")])
def test_initials(name: str, text: str) -> None:
    assert initials(name) == text


def test_diff_numbers_are_attributes_and_signs_are_text() -> None:
    old = Line("del", 7, None, (Part("ntp server "), Part("10.0.0.1", changed=True)))
    new = Line("add", None, 7, (Part("ntp server "), Part("10.0.0.2", changed=True)))
    table = diff_table((Block("", 0, (old, new), ((old, new),)),), "unified", "sw1")
    assert 'data-n="7"' in table
    assert "<del>10.0.0.1</del>" in table
    assert "<ins>10.0.0.2</ins>" in table
    assert ">+</td>" in table
    assert "unchanged" not in table
