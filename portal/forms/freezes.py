"""What people write when they declare or lift a change freeze. The services judge it."""

from __future__ import annotations

from django import forms

from changes.domain.content import MAX_COMMENT
from changes.domain.calendar.recurring import MAX_NAME
from portal.forms.raw_text import RawText


def _reason(help_text: str) -> forms.CharField:
    return forms.CharField(
        label="Reason", widget=forms.Textarea(attrs={"rows": 2, "maxlength": MAX_COMMENT}), help_text=help_text
    )


class FreezeForm(forms.Form):
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
    comment = _reason("Everybody can read it. It is kept in the audit log.")


class LiftForm(forms.Form):
    """Why a freeze is lifted."""

    comment = _reason("It is kept with the freeze and in the audit log.")
