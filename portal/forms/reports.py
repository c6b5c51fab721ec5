"""Choosing what figures are counted over, and having a report made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django import forms

from changes.domain.content import MAX_COMMENT
from changes.domain.reports.periods import ReportKind
from changes.domain.states import ChangeType
from changes.models import Template
from devices.selectors import device_facets
from portal.forms.filters import ANY, FilterForm
from portal.forms.raw_text import RawText

MOST = 500


class ScopeForm(FilterForm):
    """The period and what it is narrowed to. Its choices are what there is."""

    kind = forms.ChoiceField(label="Period", required=False, choices=[
        ("weekly", "Week"), ("monthly", "Month"), ("quarterly", "Quarter"),
    ])  # fmt: skip
    day = forms.CharField(label="That holds the day", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    type = forms.ChoiceField(required=False, choices=[*ANY, *ChangeType.choices()])
    site = forms.ChoiceField(required=False)
    template = forms.ChoiceField(required=False)

    def __init__(self, asked: Mapping[str, Sequence[str]]) -> None:
        super().__init__(asked)
        sites = [str(site) for site in device_facets()["site"]]
        other = [value for value in asked.get("site", ()) if value not in sites]
        self.fields["site"].choices = [*ANY, *((site, site) for site in [*sites, *other])]  # type: ignore[attr-defined]
        named = Template.objects.order_by("name").values_list("pk", "name")[:MOST]
        self.fields["template"].choices = [*ANY, *((str(pk), name) for pk, name in named)]  # type: ignore[attr-defined]


class ReportForm(forms.Form):
    """A report to make."""

    kind = forms.ChoiceField(label="Report", choices=[(kind.value, kind.heading) for kind in ReportKind])
    day = RawText(
        label="A day of the period",
        required=True,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="The week, month or quarter in which it lies; it must be over.",
    )
    comment = forms.CharField(
        label="Reason",
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "maxlength": MAX_COMMENT}),
        help_text="Needed where this report was made before: the earlier edition stays.",
    )
