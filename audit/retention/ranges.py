"""Places in the tree as PostgreSQL's multiranges write them: ``{[0,5),[7,8)}``. Pure."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Self

_RANGE = re.compile(r"\[(\d{1,19}),(\d{1,19})\)")


class Places:
    """A set of whole numbers in few stretches, each ``(first, end)`` without its end; grows at its end only."""

    def __init__(self) -> None:
        self._first: list[int] = []
        self._end: list[int] = []

    @classmethod
    def of(cls, numbers: Iterable[int]) -> Self:
        """The set of these numbers, which ascend.

        Raises:
            ValueError: they do not.
        """
        places = cls()
        for number in numbers:
            places.append(number)
        return places

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the one form in which a set is written.

        Raises:
            ValueError: it is not written so.
        """
        places = cls()
        for match in _RANGE.finditer(text):
            first, end = int(match[1]), int(match[2])
            if first >= end or (places._end and first <= places._end[-1]):
                raise ValueError(text[:80])
            places._first.append(first)
            places._end.append(end)
        if str(places) != text:
            raise ValueError(text[:80])
        return places

    def append(self, number: int) -> None:
        """Add a number beyond all that are there.

        Raises:
            ValueError: it is not.
        """
        if self._end and number < self._end[-1]:
            raise ValueError(number)
        if self._end and number == self._end[-1]:
            self._end[-1] = number + 1
        else:
            self._first.append(number)
            self._end.append(number + 1)

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._first, number) - 1
        return at >= 0 and number < self._end[at]

    def __iter__(self) -> Iterator[int]:
        for first, end in zip(self._first, self._end, strict=True):
            yield from range(first, end)

    def __len__(self) -> int:
        return sum(self._end) - sum(self._first)

    def __str__(self) -> str:
        stretches = (f"[{first},{end})" for first, end in zip(self._first, self._end, strict=True))
        return f"{{{','.join(stretches)}}}"
