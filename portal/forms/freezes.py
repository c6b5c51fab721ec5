"""What people write when they declare or lift a change freeze. The services judge it."""

from __future__ import annotations

from django import forms
from django.http import QueryDict

from changes.domain.calendar.recurring import MAX_NAME
from changes.domain.content import MAX_COMMENT
from changes.domain.states import ChangeType
from portal.forms.calendar import SCOPE_FIELDS, ScopeForm, scope_of
from portal.forms.raw_text import RawText


def _reason(help_text: str) -> forms.CharField:
    return forms.CharField(
        label="Reason", widget=forms.Textarea(attrs={"rows": 2, "maxlength": MAX_COMMENT}), help_text=help_text
    )


class FreezeForm(ScopeForm):
    """A freeze to declare."""

    name = RawText(
        label="Name",
        required=True,
        widget=forms.TextInput(attrs={"maxlength": MAX_NAME}),
        help_text="Such as Year end.",
    )
    starts_at = RawText(
        label="Starts",
        required=True,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text="UTC. Nothing is started from then on.",
    )
    ends_at = RawText(
        label="Ends",
        required=True,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text="UTC. Paused runs are resumed by a person after that.",
    )
    exempt_types = forms.MultipleChoiceField(
        label="Changes that it lets through",
        required=False,
        choices=ChangeType.choices(),
        widget=forms.CheckboxSelectMultiple,
    )
    comment = _reason("Everybody can read it. It is kept in the audit log.")
    field_order = ["name", "starts_at", "ends_at", *SCOPE_FIELDS, "exempt_types", "comment"]


def freeze_data(data: QueryDict) -> dict[str, object]:
    """A sent :class:`FreezeForm` as the service takes it."""
    found: dict[str, object] = {name: data.get(name, "") for name in ("name", "starts_at", "ends_at", "comment")}
    return {**found, "scope": scope_of(data), "exempt_types": data.getlist("exempt_types")}


class LiftForm(forms.Form):
    """Why a freeze is lifted."""

    comment = _reason("Everybody can read it. It is kept in the audit log.")
