"""From NetBox's devices to ours: every device is kept, and what keeps one from being a target is said with it."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from devices.domain.criticality import Criticality
from devices.domain.exclusions import MappedPlatform, choose_platform, judge
from devices.models import DeviceStatus
from devices.sources.netbox_client import Row
from devices.sources.records import DeviceRecord
from devices.sources.texts import list_problem, text_problem

_STATUSES: Final = {
    "active": DeviceStatus.ACTIVE,
    "decommissioning": DeviceStatus.DECOMMISSIONED,
}
_NAME_LIMIT: Final = 200
GROUP_FIELD: Final = "redundancy_group"
UPLINKS_FIELD: Final = "uplinks"
"""Custom fields of a device in NetBox; without them nothing is kept apart."""
_SENTENCE_LIMIT: Final = 300


@dataclass(frozen=True, slots=True)
class Reading:
    """How the rows of one NetBox are read: which custom fields say what, and the platform table."""

    platforms: Mapping[str, MappedPlatform]
    platform_field: str = "countersign_platform"
    credential_field: str = "countersign_credential"
    credential: str = ""
    criticality_field: str = "criticality"
    criticality_tag: str = "criticality-"

    def record(self, row: Row) -> DeviceRecord:
        """The device as its row describes it. A text that cannot be shown is left empty, and the device excluded."""
        texts, field_problem = _checked(
            {
                "name": str(row.get("name") or ""),
                "site": _part(row.get("site")),
                "role": _part(row.get("role") or row.get("device_role")),
                "serial": str(row.get("serial") or ""),
                "model": _part(row.get("device_type"), "model"),
                "address": _address(row),
                "credential": self._custom(row, self.credential_field) or self.credential,
                "redundancy_group": self._custom(row, GROUP_FIELD),
                "tenant": _part(row.get("tenant")),
            }
        )
        tags = sorted(_part(tag) for tag in row.get("tags") or ())
        uplinks = _names((row.get("custom_fields") or {}).get(UPLINKS_FIELD))
        lists_problem = list_problem("tags", tags) or list_problem("uplinks", uplinks)
        name = texts["name"] or _shown(str(row.get("display") or ""))[:_NAME_LIMIT] or f"device {row['id']}"
        platform = choose_platform(
            self.platforms,
            field_value=self._custom(row, self.platform_field),
            slug=_part(row.get("platform")),
        )
        status = _value(row.get("status"))
        exclusion = judge(
            label=name,
            status_problem="" if status == "active" else f"is “{_shown(status)[:40]}” in its source, not active",
            field_problem=field_problem or lists_problem,
            has_name=bool(row.get("name")),
            address=texts["address"],
            platform_problem=platform.problem,
        )
        return DeviceRecord(
            key=str(row["id"]),
            name=name,
            platform=platform.platform,
            driver=platform.driver,
            address=texts["address"],
            site=texts["site"],
            role=texts["role"],
            tags=() if list_problem("tags", tags) else tuple(tags),
            redundancy_group=texts["redundancy_group"],
            uplinks=() if list_problem("uplinks", uplinks) else uplinks,
            tenant=texts["tenant"],
            criticality=self._criticality(row, tags),
            status=_STATUSES.get(status, DeviceStatus.INACTIVE),
            hostname=texts["name"],
            serial=texts["serial"],
            model=texts["model"],
            credential=texts["credential"],
            exclusion=exclusion.code,
            exclusion_detail=_shown(exclusion.sentence)[:_SENTENCE_LIMIT],
        )

    def _criticality(self, row: Row, tags: Sequence[str]) -> str:
        """By the custom field, else by a tag, of several the worst. A word that is not ours is never guessed at."""
        named = self._custom(row, self.criticality_field).casefold()
        if named:
            return named if named in set(Criticality) else ""
        found = {word for word in Criticality if self.criticality_tag and f"{self.criticality_tag}{word}" in tags}
        return max(found, key=lambda word: word.rank, default="")

    @staticmethod
    def _custom(row: Row, name: str) -> str:
        value = (row.get("custom_fields") or {}).get(name)
        return _name(value)


def _checked(texts: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """The texts, those that a device cannot have emptied, and what is wrong with the first of them."""
    problems = {name: text_problem(name, text) for name, text in texts.items()}
    kept = {name: "" if problems[name] else text for name, text in texts.items()}
    return kept, next((problem for problem in problems.values() if problem), "")


def _address(row: Row) -> str:
    """The primary address without its prefix length; ``has_primary_ip`` counts devices with IPv6 alone too."""
    chosen = row.get("primary_ip4") or row.get("primary_ip6")
    return _part(chosen, "address").partition("/")[0]


def _part(nested: Any, name: str = "slug") -> str:  # noqa: ANN401 - a nested object as NetBox sends it
    return str(nested.get(name) or "") if isinstance(nested, Mapping) else ""


def _names(value: Any) -> tuple[str, ...]:  # noqa: ANN401 - a text, a choice of several, or several devices
    """Names of devices from a custom field of any type: separated by commas, semicolons or lines, or a list."""
    if isinstance(value, str):
        found = [part.strip() for part in value.replace(";", ",").replace("\n", ",").split(",")]
    else:
        found = [_name(item) for item in value] if isinstance(value, list) else []
    return tuple(sorted({name for name in found if name}))


def _name(item: Any) -> str:  # noqa: ANN401 - a choice, or a device as NetBox nests it
    nested = isinstance(item, Mapping) and "value" not in item
    return str(item.get("name") or item.get("display") or "").strip() if nested else _value(item).strip()


def _value(choice: Any) -> str:  # noqa: ANN401 - a choice: a text, or {value, label}
    if isinstance(choice, Mapping):
        choice = choice.get("value")
    return "" if choice is None else str(choice)


def _shown(text: str) -> str:
    return "".join(char for char in text if not unicodedata.category(char).startswith(("C", "Zl", "Zp"))).strip()
