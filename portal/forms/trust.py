"""The forms of the trust table and of the reconciliation page."""

from __future__ import annotations

from collections.abc import Mapping

from django import forms

from devices.domain.trust import FIELDS, LEARNT_FIELDS, FactVerdict, FieldRule, LearntFrom, TrustMode
from portal.forms.filters import ANY, FilterForm, search


class TrustForm(forms.Form):
    """How one field of one source is compared."""

    mode = forms.ChoiceField(
        choices=[(mode.value, mode.label) for mode in TrustMode],
        help_text=(
            "Authoritative: the device must say the same, or nothing is planned. Advisory: it must confirm it before"
            " anything is written. Observational: it is reported only."
        ),
    )
    learnt_from = forms.ChoiceField(
        label="Where the device states it",
        required=False,
        choices=[(place.value, place.label) for place in LearntFrom],
    )
    pattern = forms.CharField(
        label="Pattern that finds it",
        required=False,
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocomplete": "off", "class": "mono"}),
        help_text="A regular expression (RE2) with a group named like the field, such as ^(?P<site>[a-z]+)-",
    )

    def __init__(self, data: Mapping[str, str] | None = None, *, rule: FieldRule) -> None:
        initial = {"mode": rule.mode.value, "learnt_from": rule.learnt_from.value, "pattern": rule.pattern}
        super().__init__(data, initial=initial)
        if rule.field not in LEARNT_FIELDS:
            del self.fields["learnt_from"], self.fields["pattern"]


class ReconciliationFilterForm(FilterForm):
    """The filters of the reconciliation page."""

    name = forms.CharField(label="Device", required=False, widget=search("fra-acc-*"))
    field = forms.ChoiceField(required=False, choices=[*ANY, *((name, name.capitalize()) for name in FIELDS)])
    mode = forms.ChoiceField(required=False, choices=[*ANY, *((mode.value, mode.label) for mode in TrustMode)])
    verdict = forms.ChoiceField(
        required=False,
        choices=[
            *ANY,
            ("differs", "Anything but a match"),
            *((verdict.value, verdict.label) for verdict in FactVerdict),
            ("unread", "Never read"),
        ],
    )
