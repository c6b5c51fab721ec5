"""What people write about the calendar: filters, recurring windows, scopes and waivers. Services judge it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django import forms
from django.http import QueryDict

from changes.domain.calendar.layout import EntryKind
from changes.domain.calendar.recurring import MAX_NAME
from changes.domain.calendar.scope import SCOPE_NAMES
from changes.domain.content import MAX_COMMENT
from changes.domain.states import ChangeState, ChangeType
from changes.models import MaintenanceWindow
from devices.selectors import device_facets
from portal.forms.filters import ANY, FilterForm
from portal.forms.raw_text import RawText

SCOPE_FIELDS: Final = {f"scope_{name}": name for name in SCOPE_NAMES}


class CalendarFilterForm(FilterForm):
    """The filters of the calendar; view and day go along."""

    site = forms.ChoiceField(required=False)
    type = forms.ChoiceField(label="Change type", required=False, choices=[*ANY, *ChangeType.choices()])
    state = forms.ChoiceField(label="State of changes", required=False, choices=[*ANY, *ChangeState.choices()])
    show = forms.ChoiceField(
        label="Show", required=False, choices=[("", "All"), *((kind.value, f"{kind.label}s") for kind in EntryKind)]
    )
    view = forms.CharField(required=False, widget=forms.HiddenInput)
    day = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, asked: Mapping[str, Sequence[str]]) -> None:
        super().__init__(asked)
        facets: Mapping[str, Any] = device_facets()
        sites = dict.fromkeys([*facets["site"], *(site for site in asked.get("site", ()) if site)])
        self.fields["site"].choices = [*ANY, *((site, site) for site in sites)]  # type: ignore[attr-defined]


def _names(label: str, example: str) -> RawText:
    return RawText(label=label, widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": example}))


class ScopeForm(forms.Form):
    """Sites, roles, tags and tenants, with commas between them."""

    scope_sites = _names("Sites", "FRA, MUC")
    scope_roles = _names("Roles", "core")
    scope_tags = _names("Tags", "edge")
    scope_tenants = _names("Tenants", "Shop")


def scope_of(data: QueryDict) -> dict[str, list[str]]:
    """The scope that a form with :class:`ScopeForm`'s fields holds, for the service to judge."""
    given = {name: [part.strip() for part in data.get(field, "").split(",")] for field, name in SCOPE_FIELDS.items()}
    return {name: [part for part in parts if part] for name, parts in given.items() if any(parts)}


def scope_initial(scope: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """A stored scope as the form shows it."""
    return {field: ", ".join(scope.get(name, ())) for field, name in SCOPE_FIELDS.items()}


def under_fields(findings: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """Findings about ``scope.sites`` under the names of the form's fields."""
    return {name.replace("scope.", "scope_", 1): sentences for name, sentences in findings.items()}


class RecurringWindowForm(ScopeForm):
    """A recurring maintenance window."""

    name = RawText(label="Name", required=True, help_text="Such as Sunday night.",
                   widget=forms.TextInput(attrs={"maxlength": MAX_NAME}))  # fmt: skip
    starts_at = RawText(
        label="First start",
        required=True,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text="As the clock on the wall of the time zone shows it.",
    )
    minutes = RawText(label="Minutes", required=True, widget=forms.NumberInput, help_text="From 15 to 10080.")
    time_zone = RawText(
        label="Time zone",
        required=True,
        initial="UTC",
        widget=forms.TextInput(attrs={"list": "zones", "autocomplete": "off"}),
        help_text="Of the IANA database, such as Europe/Berlin.",
    )
    rule = RawText(
        label="Rule",
        widget=forms.TextInput(attrs={"placeholder": "FREQ=WEEKLY;BYDAY=SU", "autocomplete": "off"}),
        help_text="How it comes again, as in RFC 5545. Leave it empty for a single window.",
    )
    owner = RawText(label="Owner", help_text="A user name. Leave it empty for yourself.")
    comment = forms.CharField(
        label="Reason",
        widget=forms.Textarea(attrs={"rows": 2, "maxlength": MAX_COMMENT}),
        help_text="Everybody can read it. It is kept in the audit log.",
    )
    version = forms.CharField(required=False, widget=forms.HiddenInput)
    field_order = ["name", "starts_at", "minutes", "time_zone", "rule", *SCOPE_FIELDS, "owner", "comment", "version"]


def window_data(data: QueryDict) -> dict[str, object]:
    """A sent :class:`RecurringWindowForm` as the service takes it."""
    names = ("name", "starts_at", "time_zone", "rule", "owner", "comment")
    minutes, version = data.get("minutes", "").strip(), data.get("version", "").strip()
    found: dict[str, object] = {name: data.get(name, "") for name in names}
    found["minutes"] = int(minutes) if minutes.isascii() and minutes.isdecimal() and len(minutes) < 9 else minutes
    if version:
        found["version"] = int(version) if version.isascii() and version.isdecimal() and len(version) < 9 else 0
    return {**found, "scope": scope_of(data)}


def window_initial(row: MaintenanceWindow) -> dict[str, object]:
    """A stored window as the form shows it, without its reason."""
    names = ("name", "starts_at", "minutes", "time_zone", "rule", "version")
    return {**{name: getattr(row, name) for name in names}, **scope_initial(row.scope),
            "owner": row.owner.get_username()}  # fmt: skip


class WaiverForm(forms.Form):
    """Why conflicts may stand."""

    comment = forms.CharField(
        label="Reason",
        widget=forms.Textarea(attrs={"rows": 2, "maxlength": MAX_COMMENT}),
        help_text="At least ten characters. Everybody can read it. It is kept in the audit log.",
    )
    window_start = forms.CharField(widget=forms.HiddenInput, required=False)
    window_end = forms.CharField(widget=forms.HiddenInput, required=False)
    seen = forms.CharField(widget=forms.HiddenInput, required=False)
