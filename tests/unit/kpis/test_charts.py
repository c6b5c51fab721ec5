"""Charts: geometry that fits, numbers that are seen, and words for those who do not see."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from portal.presenters.charts import HEIGHT, WIDTH, chart_of

NAMES = ("Successful", "With issues", "Failed, rolled back or aborted")


def block(columns: list[tuple[int, int, int]]) -> dict[str, object]:
    series = [{"name": name, "values": [column[number] for column in columns]} for number, name in enumerate(NAMES)]
    return {
        "title": "Closed", "about": "Closed changes.", "unit": "changes", "series": series,
        "labels": [f"W{number}" for number in range(len(columns))],
    }  # fmt: skip


@given(st.lists(st.tuples(*[st.integers(0, 10**7)] * 3), min_size=1, max_size=12))
def test_every_piece_lies_in_the_plot_and_stands_on_the_one_below(columns: list[tuple[int, int, int]]) -> None:
    chart = chart_of(block(columns), "c")
    for column, values in zip(chart.columns, columns, strict=True):
        assert column.x >= 0
        assert column.x + column.width <= WIDTH
        assert column.total == sum(values)
        assert len(column.told) <= 5
        assert len(column.pieces) == sum(1 for value in values if value), "what happened is seen"
        bottom = float(chart.base)
        for piece in column.pieces:
            assert 0 < piece.y <= HEIGHT
            assert abs(piece.y + piece.height - bottom) < 0.3
            bottom = piece.y
    assert [row[2] for row in chart.rows] == [sum(values) for values in columns]


def test_tones_differ_by_more_than_colour_and_words_say_what_is_drawn() -> None:
    chart = chart_of(block([(3, 1, 0), (9, 0, 2)]), "c")
    assert [(key.tone, key.glyph) for key in chart.keys] == [
        ("ok", "s-succeeded"), ("warn", "s-partial"), ("bad", "s-failed"),
    ]  # fmt: skip
    assert chart.about == "Closed changes. 11 changes in W1, the last one; the most, 11, in W1."
    empty = chart_of(block([(0, 0, 0)]), "c")
    assert (empty.is_empty, empty.about) == (True, "Closed changes. There were no changes.")
