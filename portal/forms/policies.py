"""Forms about approval policies: a file, a reason, and the facts of a change that nobody has written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django import forms

from changes.domain.risk.levels import RiskLevel
from changes.domain.states import ChangeType
from devices.domain.warnings.content_kinds import ContentKind
from portal.forms.raw_text import RawText

NOT_KNOWN = ("", "Not known")
_COUNTS = "Values with = and the number of devices, such as FRA=3, BER; “none” where there is none."


class PolicyFileForm(forms.Form):
    """A policy file, typed or uploaded."""

    document = RawText(
        label="Policy file",
        widget=forms.Textarea(attrs={"rows": 28, "spellcheck": "false"}),
        help_text="YAML or JSON. A version is never changed: each save needs the next version number.",
    )
    file = forms.FileField(label="Or upload a file", required=False, help_text="It is used where the text is empty.")


class PolicyReasonForm(forms.Form):
    """Why a version is activated."""

    comment = RawText(
        label="Reason",
        required=True,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="It is kept in the audit log.",
    )


class FactsForm(forms.Form):
    """Facts of a change, real or made up. What is left empty is not known, and is therefore asked for."""

    hide_required = True

    change = forms.CharField(
        label="Change", help_text="A number such as CHG-00042; the facts below are then not used.", required=False
    )
    change_type = forms.ChoiceField(label="Type", choices=ChangeType.choices(), required=False)
    risk = forms.ChoiceField(label="Risk", choices=[NOT_KNOWN, *RiskLevel.choices()], required=False)
    device_count = forms.CharField(
        label="Devices", required=False, widget=forms.NumberInput(attrs={"min": 0, "inputmode": "numeric"})
    )
    sites = forms.CharField(label="Sites", required=False, help_text=_COUNTS)
    roles = forms.CharField(label="Roles", required=False)
    platforms = forms.CharField(label="Platforms", required=False)
    tags = forms.CharField(label="Tags", required=False)
    tenants = forms.CharField(label="Tenants", required=False)
    content = forms.MultipleChoiceField(
        label="What the content touches",
        choices=[(kind.value, kind.label) for kind in ContentKind],
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    warnings = forms.CharField(
        label="Warnings", required=False, help_text="CODE=severity, such as MANAGEMENT_PATH=critical; or “none”."
    )
    window_start = forms.CharField(
        label="Window starts (UTC)",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )
    window_end = forms.CharField(
        label="Window ends (UTC)", required=False, widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )
    within_envelope = forms.BooleanField(
        label="Inside its template's approved envelope (standard changes)", required=False
    )

    def __init__(self, asked: Mapping[str, Sequence[str]]) -> None:
        initial: dict[str, object] = {name: (values or [""])[0] for name, values in asked.items()}
        initial["content"] = list(asked.get("content", ()))
        super().__init__(initial={"change_type": ChangeType.NORMAL.value, **initial}, auto_id="fact-%s")
