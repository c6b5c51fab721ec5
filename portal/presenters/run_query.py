"""What the address of a run's page asks for: which devices, which wave, which page of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final, Self

from django.http import QueryDict
from django.urls import reverse
from django.utils.http import urlencode

from changes.domain.errors import InvalidInputError
from changes.domain.run_filter import FILTERS, SEVERAL, RunFilter
from changes.models import Run
from changes.services.run_watching import Stretch
from portal.views.strictness import asked_for

PLACE: Final = ("wave", "group", "after", "waves")
_LONGEST_ID: Final = 18


@dataclass(frozen=True, slots=True)
class RunQuery:
    """The devices that are wanted, and the place: a wave, a site in it, after which device; from which wave on.

    ``group`` is a site's name, None for the whole wave.
    """

    chosen: RunFilter = field(default_factory=RunFilter)
    wave: int = 0
    group: str | None = None
    after: int = 0
    waves: int = 0

    @classmethod
    def read(cls, given: QueryDict, *, besides: tuple[str, ...] = ()) -> Self:
        """The query in an address; ``besides`` are parameters that somebody else reads.

        Raises:
            InvalidInputError: an unknown name, a value that cannot be read, or one that is given twice.
        """
        rest = given.copy()
        for name in besides:
            rest.pop(name, None)
        asked = asked_for(rest, (*FILTERS, *PLACE), several=SEVERAL)
        numbers = {name: _number(name, asked[name][0]) for name in ("wave", "after", "waves") if name in asked}
        group = (asked.get("group") or [""])[0] if "group" in rest else None
        return cls(chosen=RunFilter.read(asked), group=group, **numbers)

    def address(self) -> str:
        """The query as it stands in an address, with its question mark; "" where nothing is asked for."""
        place = [(name, value) for name in ("wave", "after", "waves") if (value := getattr(self, name))]
        group = [] if self.group is None else [("group", self.group)]
        pairs = [*self.chosen.query(), *place, *group]
        return f"?{urlencode(pairs)}" if pairs else ""

    def filtered(self, chosen: RunFilter) -> RunQuery:
        """Another choice of devices, from the start."""
        return RunQuery(chosen=chosen)

    def at(self, wave: int, *, group: str | None = None, after: int = 0) -> RunQuery:
        """The same devices at another place."""
        return replace(self, wave=wave, group=group, after=after)

    @property
    def stretch(self) -> Stretch:
        """The part of the wave that the place begins."""
        return Stretch(self.wave, after=self.after, site=self.group)


def run_url(run: Run, query: RunQuery | None = None) -> str:
    """The address of a run's page."""
    return reverse("run-detail", args=[run.change_id, run.pk]) + (query.address() if query else "")


def live_url(run: Run, query: RunQuery) -> str:
    """What the page of a run asks again and again."""
    return reverse("run-live", args=[run.change_id, run.pk]) + query.address()


def branch_url(run: Run, query: RunQuery) -> str:
    """The part of the page that holds a place of it."""
    return reverse("run-branch", args=[run.change_id, run.pk]) + query.address()


def shown_text(stretch: Stretch) -> str:
    """A part of a wave as a page names it to its own poll: wave, after, last, and the site where there is one."""
    numbers = f"{stretch.wave}:{stretch.after}:{stretch.last}"
    return numbers if stretch.site is None else f"{numbers}:{stretch.site}"


def read_shown(text: str) -> Stretch | None:
    """The part of a wave that a page has in view; None where the text names none."""
    numbers, site = text.split(":", 3)[:3], text.split(":", 3)[3:]
    if len(numbers) < 3 or not all(_is_number(number) for number in numbers) or "\x00" in text:
        return None
    wave, after, last = map(int, numbers)
    return Stretch(wave, after, last, site[0] if site else None)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _LONGEST_ID


def _number(name: str, text: str) -> int:
    if not _is_number(text):
        raise InvalidInputError({name: [f"“{name}” names no place of this run. Begin with its first page."]})
    return int(text)
