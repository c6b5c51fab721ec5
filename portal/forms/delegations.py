"""What people write when somebody else is to decide for them. The service judges it."""

from __future__ import annotations

from collections.abc import Iterable

from django import forms
from django.http import QueryDict

from changes.domain.content import MAX_COMMENT
from changes.domain.roles import group_label
from portal.forms.raw_text import RawText


class DelegationForm(forms.Form):
    """Who acts, from when until when, and for which groups."""

    delegate = RawText(
        label="Who acts for you",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="A username. Leave it empty if you are away and nobody acts for you.",
    )
    starts_at = RawText(
        label="From",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text="UTC. Empty: from now on.",
    )
    ends_at = RawText(
        label="Until",
        required=True,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text="UTC. At most 92 days after the start.",
    )
    groups = forms.MultipleChoiceField(
        label="For these groups",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None ticked: for all of your groups.",
    )
    out_of_office = forms.BooleanField(
        label="I am out of office meanwhile",
        required=False,
        help_text="Reminders go to who acts for you, not to you.",
    )
    reason = forms.CharField(
        label="Reason",
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "maxlength": MAX_COMMENT}),
        help_text="Change managers and auditors can read it.",
    )

    def __init__(self, data: QueryDict | None = None, *, groups: Iterable[str]) -> None:
        super().__init__(data)
        field = self.fields["groups"]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101 - tells the type checker what stands above
        field.choices = [(name, group_label(name)) for name in sorted(groups)]


def delegation_data(data: QueryDict) -> dict[str, object]:
    """A sent form as the service takes it."""
    texts: dict[str, object] = {
        name: data.get(name, "").strip() for name in ("delegate", "starts_at", "ends_at", "reason")
    }
    return {**texts, "groups": data.getlist("groups"), "out_of_office": "out_of_office" in data}
