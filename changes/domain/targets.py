"""Which devices a change is for, as somebody wrote it down: a list of ids, or a filter over the inventory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from changes.domain.errors import InvalidInputError
from changes.domain.input import Findings, hidden_character, one_of, shown, unknown_names
from devices.domain.criticality import Criticality

FILTER_NAMES: frozenset[str] = frozenset(
    {"site", "role", "platform", "tag", "name", "source", "status", "tenant", "criticality"}
)
MAX_TARGETS = 10_000
MAX_FILTER_VALUES = 100
MAX_VALUE_LENGTH = 200


@dataclass(frozen=True, slots=True)
class TargetSpec:
    """Either ``device_ids``, in the order given, or ``filters``; never both, never neither.

    The values of one filter are alternatives, several filters narrow each other: site FRA or AMS, and role
    access. A device matches ``tag`` when it carries any of the tags.
    """

    device_ids: tuple[int, ...] = ()
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """As stored and sent: ``{"device_ids": [...]}`` or ``{"filter": {name: [values]}}``."""
        if self.device_ids:
            return {"device_ids": list(self.device_ids)}
        return {"filter": {name: list(values) for name, values in self.filters.items()}}


def parse_targets(data: object, *, where: str = "targets") -> TargetSpec:
    """Read ``{"device_ids": [1, 2]}`` or ``{"filter": {"site": "FRA", "role": ["access", "core"]}}``.

    Raises:
        InvalidInputError: with sentences under ``where`` and the names below it.
    """
    findings = Findings()
    spec = TargetSpec()
    if not isinstance(data, Mapping):
        findings.add(where, 'Targets must be an object with "device_ids" or "filter".')
    elif ("device_ids" in data) == ("filter" in data):
        findings.add(where, 'Give the targets either as "device_ids" or as "filter": one of the two.')
    elif set(data) - {"device_ids", "filter"}:
        names = unknown_names(data, {"device_ids", "filter"}, "field")
        findings.fields.update({f"{where}.{name}": [sentence] for name, sentence in names.items()})
    elif "device_ids" in data:
        spec = TargetSpec(device_ids=_ids(data["device_ids"], findings, f"{where}.device_ids"))
    else:
        spec = TargetSpec(filters=_filters(data["filter"], findings, f"{where}.filter"))
    findings.check()
    return spec


def _ids(value: object, findings: Findings, where: str) -> tuple[int, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        findings.add(where, "This must be a list of device ids, such as [1, 2, 3].")
        return ()
    wrong = [item for item in value if isinstance(item, bool) or not isinstance(item, int) or item < 1]
    if wrong:
        findings.add(where, f'"{shown(wrong[0])}" is not a device id; ids are whole numbers from 1.')
    elif not value:
        findings.add(where, "No device is named. Name at least one, or use a filter.")
    elif len(value) > MAX_TARGETS:
        findings.add(where, f"{len(value)} devices are named; one change may have {MAX_TARGETS}. Split the change.")
    return tuple(dict.fromkeys(value)) if not wrong else ()


def _filters(value: object, findings: Findings, where: str) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, Mapping):
        findings.add(where, f'This must be an object such as {{"site": "FRA"}}. Allowed: {one_of(FILTER_NAMES)}.')
        return {}
    if not value:
        findings.add(where, f"An empty filter would match every device. Give one of: {one_of(FILTER_NAMES)}.")
    for name, sentence in unknown_names(value, FILTER_NAMES, "filter").items():
        findings.add(f"{where}.{shown(name)}", sentence)
    found = {name: _values(item, findings, f"{where}.{name}") for name, item in value.items() if name in FILTER_NAMES}
    for each in found.get("criticality", ()):
        if each not in set(Criticality):
            # A word that no device can have would choose nothing, and nobody would see why.
            findings.add(f"{where}.criticality", f'"{shown(each)}" is no criticality. Allowed: {one_of(Criticality)}.')
    return found


def _values(value: object, findings: Findings, where: str) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, Sequence) or isinstance(values, bytes) or not values:
        findings.add(where, "Give a text, or a list of texts of which any may match.")
        return ()
    if len(values) > MAX_FILTER_VALUES:
        findings.add(where, f"{len(values)} values are given; one filter may have {MAX_FILTER_VALUES}.")
        return ()
    kept = []
    for item in values:
        problem = _value_problem(item)
        if problem:
            findings.add(where, problem)
        else:
            kept.append(str(item).strip())
    return tuple(dict.fromkeys(kept))


def _value_problem(item: object) -> str | None:
    if not isinstance(item, str) or not item.strip():
        return f'"{shown(item)}" is not a filter value; give a text that is not empty.'
    if len(item) > MAX_VALUE_LENGTH:
        return f'"{shown(item)}" is longer than {MAX_VALUE_LENGTH} characters.'
    hidden = hidden_character(item)
    return f'In "{shown(item)}" {hidden}' if hidden else None


__all__ = ["FILTER_NAMES", "InvalidInputError", "TargetSpec", "parse_targets"]
