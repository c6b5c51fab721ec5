"""The filter bars of lists. They only draw what was asked for; what a filter means is the selectors' business."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import forms

from audit.actor import Origin
from audit.errors import FilterError
from audit.recorder import ObjectType
from changes.domain.risk.levels import RiskLevel
from changes.domain.states import ACTIVE, ENDED, EXECUTING, IN_REVIEW, ChangeState
from devices.domain.criticality import Criticality
from devices.domain.platforms import PLATFORMS
from devices.models import DeviceStatus
from devices.selectors import device_facets

Choices = list[tuple[str, str]]
ANY: Choices = [("", "Any")]


class FilterForm(forms.Form):
    """A GET form without required marks; it shows the values as they were asked for, good or bad."""

    hide_required = True

    def __init__(self, asked: Mapping[str, Sequence[str]]) -> None:
        super().__init__(initial={name: (values or [""])[0] for name, values in asked.items()}, auto_id="filter-%s")


def search(placeholder: str, *, by_key: bool = False) -> forms.SearchInput:
    """A search box; ``by_key`` lets the key / lead there, on pages whose top bar has no search of its own."""
    attrs = {"placeholder": placeholder, "autocomplete": "off"}
    return forms.SearchInput(attrs={**attrs, "data-key-search": ""} if by_key else attrs)


def _text(label: str, placeholder: str = "") -> forms.CharField:
    widget = forms.TextInput(attrs={"placeholder": placeholder, "autocomplete": "off", "spellcheck": "false"})
    return forms.CharField(label=label, required=False, widget=widget)


STATE_GROUPS: Mapping[str, tuple[str, Iterable[ChangeState]]] = {
    "open": ("Open", ACTIVE),
    "reviewing": ("Being reviewed", IN_REVIEW),
    "running": ("Being executed", EXECUTING),
    "ended": ("Ended", ENDED),
}
"""Names for several states at once, that the page's filter takes besides the states."""


class ChangeFilterForm(FilterForm):
    """The filters of the list of changes."""

    q = forms.CharField(label="Search", required=False, widget=search("Title, reason or number", by_key=True))
    state = forms.ChoiceField(required=False)
    risk = forms.ChoiceField(required=False, choices=[*ANY, *RiskLevel.choices()])
    author = _text("Author", "olivia")
    device = _text("Device", "fra-acc-01")

    def __init__(self, asked: Mapping[str, Sequence[str]]) -> None:
        super().__init__(asked)
        groups = [(name, label) for name, (label, _states) in STATE_GROUPS.items()]
        known = {*STATE_GROUPS, *ChangeState}
        other = [(value, value) for value in asked.get("state", ()) if value not in known]
        choices = [*ANY, ("Several states", groups), ("One state", ChangeState.choices()), *other]
        self.fields["state"].choices = choices  # type: ignore[attr-defined]  # this is a choice field


class DeviceFilterForm(FilterForm):
    """The filters of the list of devices; the choices are what the inventory holds."""

    name = forms.CharField(label="Name", required=False, widget=search("fra-acc-*"))
    site = forms.ChoiceField(required=False)
    role = forms.ChoiceField(required=False)
    platform = forms.ChoiceField(required=False)
    tag = forms.ChoiceField(required=False)
    criticality = forms.ChoiceField(required=False, choices=[*ANY, *Criticality.choices()])
    tenant = _text("Tenant", "campus")
    status = forms.ChoiceField(required=False, choices=[*ANY, *DeviceStatus.choices])

    def __init__(self, asked: Mapping[str, Sequence[str]]) -> None:
        super().__init__(asked)
        for name, choices in facet_choices(asked).items():
            self.fields[name].choices = [*ANY, *choices]  # type: ignore[attr-defined]  # these are choice fields


class EventFilterForm(FilterForm):
    """The filters of the audit explorer; the log itself reads and refuses their values."""

    text = forms.CharField(label="Search", required=False, widget=search("Person, object, reason …"))
    actor = _text("Who", "olivia")
    action = _text("What", "change.approved")
    change_id = _text("Change", "CHG-00042")
    since = _text("From (UTC)", "2026-03-01")
    until = _text("To (UTC)", "2026-03-31")


class MoreEventFiltersForm(FilterForm):
    """The filters that are asked for less often; they come with links from other pages, too."""

    object_type = forms.ChoiceField(
        label="Object", required=False, choices=[*ANY, *((kind.value, kind.replace("_", " ")) for kind in ObjectType)]
    )
    object_id = _text("Object's id")
    code = _text("Reason code", "PLAN_STALE")
    device_id = _text("Device's id")
    origin = forms.ChoiceField(required=False, choices=[*ANY, *((origin.value, origin.value) for origin in Origin)])
    request_id = _text("Request")
    ids = _text("Event ids", "17,18")


def in_words_of_the_page(error: FilterError) -> str:
    """What is wrong with a filter of the audit log, with the filter named as the page names it."""
    fields = {**EventFilterForm.base_fields, **MoreEventFiltersForm.base_fields}
    sentence = str(error)
    if error.field not in fields or not sentence.startswith(f"{error.field} "):
        return sentence
    label = fields[error.field].label or error.field.replace("_", " ").capitalize()
    return f"“{label}”{sentence.removeprefix(error.field)}"


def facet_choices(asked: Mapping[str, Sequence[str]]) -> dict[str, Choices]:
    """The inventory's sites, roles, platforms and tags as choices, and whatever else was asked for; four queries."""
    facets: dict[str, Any] = device_facets()
    return {
        name: [(value, choice_label(name, value)) for value in dict.fromkeys([*values, *asked.get(name, ())])]
        for name, values in facets.items()
    }


def choice_label(name: str, value: str) -> str:
    """A facet's value as people read it."""
    return PLATFORMS[value].label if name == "platform" and value in PLATFORMS else value
