from __future__ import annotations

from collections.abc import Mapping, Sequence

from django import forms

from portal.forms.raw_text import RawText

LIFETIMES = ((7, "7 days"), (30, "30 days"), (90, "90 days"), (365, "a year"))


class TokenForm(forms.Form):
    """A new API token; :func:`portal.tokens.token_create` judges it."""

    name = RawText(
        required=True,
        label="What will use it",
        widget=forms.TextInput(attrs={"placeholder": "inventory script on noc-03", "autocomplete": "off"}),
    )
    expires_in_days = forms.TypedChoiceField(label="Ends after", choices=LIFETIMES, coerce=int, initial=30)
    once = RawText(widget=forms.HiddenInput)

    def blame(self, fields: Mapping[str, Sequence[str]]) -> None:
        """Put the service's sentences under the controls that they are about."""
        for name, sentences in fields.items():
            for sentence in sentences:
                self.add_error(name if name in self.fields else None, sentence)
