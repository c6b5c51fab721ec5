"""What people write to place a legal hold or to set a period. The services judge it."""

from __future__ import annotations

from typing import Final

from django import forms

from audit.retention.holds import MATTER_LIMIT, REASON_LIMIT
from portal.forms.raw_text import RawText

_TIME: Final = {"autocomplete": "off", "spellcheck": "false"}


class HoldForm(forms.Form):
    """A hold on one change, or on a time range."""

    matter = RawText(
        label="Matter",
        required=True,
        widget=forms.TextInput(attrs={"maxlength": MATTER_LIMIT, "autocomplete": "off"}),
        help_text="How you call the case, such as a file number.",
    )
    change_id = RawText(
        label="Change",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="Such as CHG-00042. Leave it empty to hold a time range.",
    )
    since = RawText(
        label="From (UTC)",
        widget=forms.TextInput(attrs={**_TIME, "placeholder": "2026-03-01"}),
        help_text="A day, or a time such as 2026-03-01T14:30.",
    )
    until = RawText(
        label="To (UTC)",
        widget=forms.TextInput(attrs={**_TIME, "placeholder": "2026-03-31"}),
        help_text="A day is held whole; a time is not included. Empty: without end.",
    )
    reason = RawText(label="Reason", required=True, widget=forms.Textarea(attrs={"rows": 2, "maxlength": REASON_LIMIT}))
