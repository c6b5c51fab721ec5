"""What people write in discussions. The services judge it."""

from __future__ import annotations

from django import forms

from changes.domain.content import MAX_COMMENT


class SayForm(forms.Form):
    """A comment."""

    text = forms.CharField(
        label="Comment",
        widget=forms.Textarea(attrs={"rows": 3, "maxlength": MAX_COMMENT}),
        help_text="Plain text. @name tells a person. Everybody who is signed in can read it.",
    )
