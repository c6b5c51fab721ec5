"""Choosing devices: the facets to choose by, and what a choice means at this moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from changes.domain.errors import InvalidInputError
from changes.domain.targets import TargetSpec, parse_targets
from changes.selectors import Excluded, Targets, resolve_targets
from devices.domain.criticality import Criticality
from devices.models import Device, DeviceStatus
from devices.selectors import devices_matching
from portal.forms.filters import choice_label, facet_choices
from portal.forms.targets import BY_DEVICE, FACETS, NAME, RARE_FACETS, TargetInput
from portal.presenters.links import device_url
from portal.presenters.words import counted

NAMES_SHOWN: Final = 200
REASONS_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class FacetChoice:
    """One value to choose by."""

    value: str
    label: str
    checked: bool


@dataclass(frozen=True, slots=True)
class Facet:
    """A property of devices, and the values that there are."""

    name: str
    label: str
    choices: tuple[FacetChoice, ...]


@dataclass(frozen=True, slots=True)
class PickedDevice:
    """A device to pick; ``problem`` says why it cannot be changed, ``code`` is its reason code."""

    id: int
    name: str
    url: str
    facts: str
    checked: bool
    problem: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class LeftOutDevice:
    """Why a chosen device cannot be changed."""

    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class TargetPicker:
    """The whole choice, and the devices that it means now (``names``).

    ``options`` are for picking one by one: those that the filters find; ``others`` are picked and not found by them.
    ``count`` is None where nothing was chosen yet. The ``…_more`` figures count what is not listed.
    ``preview`` are the devices that can be previewed.
    """

    by: str
    name: str
    facets: tuple[Facet, ...]
    rare_facets: tuple[Facet, ...]
    count: int | None
    names: tuple[PickedDevice, ...]
    names_more: int
    left_out: tuple[LeftOutDevice, ...]
    left_out_more: int
    options: tuple[PickedDevice, ...]
    options_more: bool
    others: tuple[PickedDevice, ...]
    preview: tuple[PickedDevice, ...]
    problems: tuple[str, ...]

    @property
    def summary(self) -> str:
        """``8 devices, 1 left out``."""
        if self.count is None:
            return "No devices chosen yet"
        left_out = len(self.left_out) + self.left_out_more
        return counted(self.count, "device") + (f", {left_out} left out" if left_out else "")

    @property
    def rare_used(self) -> bool:
        """Whether one of the filters that are folded away is set."""
        return any(choice.checked for facet in self.rare_facets for choice in facet.choices)


def target_picker(given: TargetInput, *, preview_device: str = "") -> TargetPicker:
    """What the choice means now; at most eleven queries, whatever the number of devices."""
    problems: list[str] = []
    picking = _Picking()
    try:
        if given.by == BY_DEVICE:
            picking = _picking(given)
        elif given.chosen:
            picking = _Picking(resolve_targets(parse_targets(given.body())))
    except InvalidInputError as error:
        problems = [sentence for sentences in error.fields.values() for sentence in sentences]
    targets = picking.targets
    names = tuple(_device(device) for device in targets.devices[:NAMES_SHOWN])
    return TargetPicker(
        by=given.by,
        name=", ".join(given.filters.get(NAME, ())),
        facets=_facets(given),
        rare_facets=_rare_facets(given),
        count=len(targets.devices) if given.chosen and not problems else None,
        names=names,
        names_more=len(targets.devices) - len(names),
        left_out=tuple(LeftOutDevice(item.code, item.sentence) for item in targets.excluded[:REASONS_SHOWN]),
        left_out_more=max(0, len(targets.excluded) - REASONS_SHOWN),
        options=picking.options,
        options_more=picking.more,
        others=picking.others,
        preview=tuple(
            _device(device, checked=str(device.pk) == preview_device) for device in targets.devices[:NAMES_SHOWN]
        ),
        problems=tuple(problems),
    )


def matching_ids(given: TargetInput) -> tuple[int, ...]:
    """The picked devices and those that the filters find, as far as they are listed.

    Raises:
        InvalidInputError: a filter cannot be used.
    """
    return tuple(dict.fromkeys([*given.picked(), *(device.pk for device in _candidates(given)[:NAMES_SHOWN])]))


def _candidates(given: TargetInput) -> Sequence[Device]:
    filters = parse_targets({"filter": dict(given.filters)}).filters if given.filters else {}
    return list(devices_matching(filters)[: NAMES_SHOWN + 1])


@dataclass(frozen=True, slots=True)
class _Picking:
    targets: Targets = field(default_factory=lambda: Targets((), ()))
    options: tuple[PickedDevice, ...] = ()
    more: bool = False
    others: tuple[PickedDevice, ...] = ()


def _picking(given: TargetInput) -> _Picking:
    found = _candidates(given)
    listed = {device.pk for device in found[:NAMES_SHOWN]}
    elsewhere = set(given.picked()) - listed
    # Judged together, since an id that no device has would spoil the whole judgement.
    ids = (*sorted(listed), *Device.objects.filter(pk__in=elsewhere).order_by("pk").values_list("pk", flat=True))
    judged = resolve_targets(TargetSpec(device_ids=ids)) if ids else Targets((), ())
    reasons = {excluded.device.pk: excluded for excluded in judged.excluded}
    chosen = set(given.picked())
    options = {
        device.pk: _device(device, checked=device.pk in chosen, excluded=reasons.get(device.pk))
        for device in sorted(
            [*judged.devices, *(excluded.device for excluded in judged.excluded)],
            key=lambda device: (device.name, device.pk),
        )
    }
    return _Picking(
        targets=_only(judged, chosen),
        options=tuple(option for pk, option in options.items() if pk in listed),
        more=len(found) > NAMES_SHOWN,
        others=tuple(option for pk, option in options.items() if pk not in listed),
    )


def _only(judged: Targets, chosen: set[int]) -> Targets:
    excluded: tuple[Excluded, ...] = tuple(item for item in judged.excluded if item.device.pk in chosen)
    return Targets(tuple(device for device in judged.devices if device.pk in chosen), excluded)


def _device(device: Device, *, checked: bool = False, excluded: Excluded | None = None) -> PickedDevice:
    facts = ", ".join(part for part in (device.site, device.role, choice_label("platform", device.platform)) if part)
    problem, code = (excluded.sentence, excluded.code) if excluded else ("", "")
    return PickedDevice(device.pk, device.name, device_url(device.pk), facts, checked, problem, code)


def _facets(given: TargetInput) -> tuple[Facet, ...]:
    choices = facet_choices(given.filters)
    return tuple(_facet(name, choices[name], given.filters) for name in FACETS)


def _rare_facets(given: TargetInput) -> tuple[Facet, ...]:
    sources = Device.objects.order_by("source").values_list("source", flat=True).distinct()
    tenants = Device.objects.exclude(tenant="").order_by("tenant").values_list("tenant", flat=True).distinct()
    choices = {
        "tenant": [(tenant, tenant) for tenant in tenants],
        "criticality": Criticality.choices(),
        "status": [(status.value, str(status.label)) for status in DeviceStatus],
        "source": [(source, source) for source in sources],
    }
    return tuple(_facet(name, choices[name], given.filters) for name in RARE_FACETS)


def _facet(name: str, choices: Sequence[tuple[str, str]], asked: Mapping[str, Sequence[str]]) -> Facet:
    values = asked.get(name, ())
    known = {value for value, _label in choices}
    every = [*choices, *((value, value) for value in values if value not in known)]
    return Facet(name, name.capitalize(), tuple(FacetChoice(value, label, value in values) for value, label in every))
