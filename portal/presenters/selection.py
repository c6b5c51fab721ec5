"""What of a plan somebody asked to see, as it travels in addresses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from django.urls import reverse
from django.utils.http import urlencode

from portal.presenters.warning_words import known_warning

MODES = ("unified", "split")


@dataclass(frozen=True, slots=True)
class Selection:
    """``device`` is a position and means that device alone; ``start`` counts diffs; ``revision`` 0 is the present one.

    ``mode`` is how diffs are drawn; ``asked_mode`` is what the address says about it, "" where it says nothing.
    """

    change_id: int
    mode: str = "unified"
    asked_mode: str = ""
    group: str = ""
    device: int | None = None
    start: int = 0
    revision: int = 0
    warning: str = ""
    """A severity or the code of a rule: only devices with such a warning."""

    @classmethod
    def read(cls, change_id: int, query: Mapping[str, str], *, preferred: str) -> Self:
        """What an address asks for; what makes no sense asks for nothing."""
        asked = query.get("view", "")
        asked = asked if asked in MODES else ""
        return cls(
            change_id=change_id,
            mode=asked or preferred,
            asked_mode=asked,
            group=query.get("group", "")[:64],
            device=_number(query.get("device", "")),
            start=_number(query.get("start", "")) or 0,
            revision=_number(query.get("revision", "")) or 0,
            warning=known_warning(query.get("warning", "")),
        )

    def query(self) -> str:
        """Itself as a query string, "" where nothing in particular is asked for."""
        asked = {
            "view": self.asked_mode,
            "group": self.group,
            "device": "" if self.device is None else self.device,
            "start": self.start or "",
            "revision": self.revision or "",
            "warning": self.warning,
        }
        return urlencode({name: value for name, value in asked.items() if value != ""})

    def url(self, anchor: str = "") -> str:
        """The plan's page, showing this."""
        return with_query(reverse("change-plan", args=[self.change_id]), self.query(), anchor)

    def drawn(self, mode: str) -> Self:
        """The same, drawn otherwise."""
        return replace(self, asked_mode=mode)

    def warned(self, warning: str) -> Self:
        """The devices of the same plan with a warning, or all of them."""
        return replace(self, warning=warning, group="", device=None, start=0)

    def only(self, *, group: str = "", device: int | None = None, start: int = 0) -> Self:
        """Another part of the same plan, drawn the same way."""
        return replace(self, group=group, device=device, start=start)


def with_query(path: str, query: str, anchor: str = "") -> str:
    """An address from its parts."""
    return f"{path}{'?' if query else ''}{query}{'#' if anchor else ''}{anchor}"


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else None
