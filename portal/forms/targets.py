"""Which devices somebody chose, as the form sends it: by filter, or picked one by one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Self

from django.http import QueryDict

BY_FILTER: Final = "filter"
BY_DEVICE: Final = "devices"
FACETS: Final = ("site", "role", "platform", "tag")
RARE_FACETS: Final = ("tenant", "criticality", "status", "source")
NAME: Final = "name"
PARAMETERS: Final = ("by", *FACETS, *RARE_FACETS, NAME, "device_ids", "preview_device", "action")
"""What the live count understands."""


@dataclass(frozen=True, slots=True)
class TargetInput:
    """What was chosen, unjudged. ``device_ids`` are texts; picking by device, the filters only find candidates."""

    by: str = BY_FILTER
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    device_ids: tuple[str, ...] = ()

    @classmethod
    def read(cls, data: QueryDict) -> Self:
        """What a form or an address holds."""
        filters = {name: _filled(data.getlist(name)) for name in (*FACETS, *RARE_FACETS)}
        filters[NAME] = _filled(part for text in data.getlist(NAME) for part in text.split(","))
        return cls(
            by=BY_DEVICE if data.get("by") == BY_DEVICE else BY_FILTER,
            filters={name: values for name, values in filters.items() if values},
            device_ids=_filled(data.getlist("device_ids")),
        )

    @classmethod
    def of(cls, targets: Mapping[str, object]) -> Self:
        """The choice that a stored specification stands for."""
        ids, filters = targets.get("device_ids"), targets.get("filter")
        if isinstance(ids, list):
            return cls(by=BY_DEVICE, device_ids=tuple(map(str, ids)))
        if isinstance(filters, Mapping):
            return cls(filters={str(name): tuple(map(str, _many(values))) for name, values in filters.items()})
        return cls()

    @property
    def chosen(self) -> bool:
        """Whether anything was chosen at all."""
        return bool(self.device_ids if self.by == BY_DEVICE else self.filters)

    def body(self) -> dict[str, object]:
        """The specification for :func:`changes.domain.targets.parse_targets`, which judges it."""
        if self.by == BY_DEVICE:
            return {"device_ids": [int(text) if _is_id(text) else text for text in self.device_ids]}
        return {"filter": {name: list(values) for name, values in self.filters.items()}}

    def picked(self) -> tuple[int, ...]:
        """The ids that are ids, each once, in the order given."""
        return tuple(dict.fromkeys(int(text) for text in self.device_ids if _is_id(text)))

    def with_devices(self, ids: Sequence[int]) -> Self:
        """The same, with these devices picked."""
        return replace(self, by=BY_DEVICE, device_ids=tuple(map(str, ids)))


def _filled(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value.strip() for value in values if value.strip()))


def _many(values: object) -> Sequence[object]:
    return values if isinstance(values, list) else [values]


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19
