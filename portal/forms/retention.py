"""What people write to place a legal hold or to set a period. The services judge it."""

from __future__ import annotations

from django import forms

from audit.retention.holds import MATTER_LIMIT, REASON_LIMIT
from portal.forms.raw_text import RawText

_TIME = forms.DateTimeInput(attrs={"type": "datetime-local"})


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
    since = RawText(label="From", widget=_TIME, help_text="UTC.")
    until = RawText(label="Until", widget=_TIME, help_text="UTC, not included. Empty: without end.")
    reason = RawText(label="Reason", required=True, widget=forms.Textarea(attrs={"rows": 2, "maxlength": REASON_LIMIT}))
