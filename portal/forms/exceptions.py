"""The form that asks for an exception from a gate."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC

from django import forms

from changes.domain.gates import COVERABLE, Gate
from changes.domain.reasons import reason
from changes.services.gate_exceptions import LONGEST, MAX_TEXT
from devices.selectors import device_facets


class ExceptionForm(forms.Form):
    """What is to be let through, for which devices, until when and why."""

    what = forms.ChoiceField(label="What it lets through", help_text="Exactly this finding, and nothing else.")
    devices = forms.CharField(
        label="Devices",
        required=False,
        widget=forms.TextInput(attrs={"placeholder": "fra-acc-01, fra-acc-02", "autocomplete": "off"}),
        help_text="Names, with commas between them. Or leave this empty and choose a site or a role.",
    )
    site = forms.ChoiceField(required=False)
    role = forms.ChoiceField(required=False)
    expires_at = forms.DateTimeField(
        label="Ends at (UTC)",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text=f"At most {LONGEST.days} days from now.",
    )
    reason = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 4, "maxlength": MAX_TEXT}),
        help_text="Why the risk is worth it. The second person decides on this; it is kept in the audit log.",
    )

    def __init__(self, data: Mapping[str, str] | None = None) -> None:
        super().__init__(data)
        facets = device_facets()
        choices = [(gate.label, [_choice(gate, code) for code in codes]) for gate, codes in COVERABLE.items()]
        self.fields["what"].choices = choices  # type: ignore[attr-defined]  # this is a choice field
        for name in ("site", "role"):
            values = [("", "Any"), *((value, value) for value in facets[name])]
            self.fields[name].choices = values  # type: ignore[attr-defined]  # these are choice fields

    def asked(self, device_ids: list[int]) -> dict[str, object]:
        """What the service takes; call it when the form is valid."""
        gate, _, code = self.cleaned_data["what"].partition(":")
        return {
            "gate": gate,
            "code": code,
            "device_ids": device_ids,
            "sites": [self.cleaned_data["site"]] if self.cleaned_data["site"] else [],
            "roles": [self.cleaned_data["role"]] if self.cleaned_data["role"] else [],
            "expires_at": self.cleaned_data["expires_at"].replace(tzinfo=UTC),
            "reason": self.cleaned_data["reason"],
        }


def _choice(gate: Gate, code: str) -> tuple[str, str]:
    return f"{gate.value}:{code}", f"{code}: {reason(code).sentence}"
