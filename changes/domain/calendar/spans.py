"""Sets of moments as sorted spans of time that do not touch: joined, cut, and taken away from each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from changes.domain.windows import Period

Span = tuple[datetime, datetime]
"""From its first moment on, and before its second."""
Spans = tuple[Span, ...]


def spans_of(periods: Iterable[Period]) -> Spans:
    """The moments that lie in any of the periods."""
    return joined((period.start, period.end) for period in periods)


def joined(spans: Iterable[Span]) -> Spans:
    """The same moments as sorted spans, of which no two overlap or touch."""
    found: list[Span] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return tuple(found)


def without(spans: Sequence[Span], taken: Sequence[Span]) -> Spans:
    """The moments of ``spans`` that lie in none of ``taken``; both as :func:`joined` gives them."""
    found: list[Span] = []
    at = 0
    for first, end in spans:
        start = first
        while at < len(taken) and taken[at][1] <= start:
            at += 1
        index = at
        while index < len(taken) and taken[index][0] < end:
            if taken[index][0] > start:
                found.append((start, taken[index][0]))
            start = max(start, taken[index][1])
            index += 1
        if start < end:
            found.append((start, end))
    return tuple(found)


def common(one: Sequence[Span], other: Sequence[Span]) -> Spans:
    """The moments that lie in both; both as :func:`joined` gives them."""
    found: list[Span] = []
    i = j = 0
    while i < len(one) and j < len(other):
        start, end = max(one[i][0], other[j][0]), min(one[i][1], other[j][1])
        if start < end:
            found.append((start, end))
        if one[i][1] <= other[j][1]:
            i += 1
        else:
            j += 1
    return tuple(found)


def covers(spans: Sequence[Span], start: datetime, end: datetime) -> bool:
    """Whether the whole period lies in one of the spans."""
    return any(first <= start and end <= last for first, last in spans)
