"""The filters of the library of templates."""

from __future__ import annotations

from django import forms

from changes.domain.templates.states import TemplateState
from devices.domain.platforms import PLATFORMS
from portal.forms.filters import ANY, FilterForm, search


class TemplateFilterForm(FilterForm):
    """They only draw what was asked for."""

    q = forms.CharField(label="Search", required=False, widget=search("Name, purpose or number", by_key=True))
    state = forms.ChoiceField(required=False, choices=[*ANY, *TemplateState.choices()])
    platform = forms.ChoiceField(
        required=False, choices=[*ANY, *((slug, platform.label) for slug, platform in PLATFORMS.items())]
    )
    owner = forms.CharField(
        required=False, widget=forms.TextInput(attrs={"placeholder": "olivia", "autocomplete": "off"})
    )
    pre_approved = forms.ChoiceField(
        label="Pre-approved", required=False, choices=[*ANY, ("yes", "With an envelope"), ("no", "Without")]
    )
