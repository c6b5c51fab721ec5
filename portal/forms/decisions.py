"""What people write when they decide. The services judge it; these forms draw it and carry the findings back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django import forms

from changes.domain.content import MAX_COMMENT
from changes.domain.run_states import RunOutcome
from changes.domain.states import CloseCode
from portal.forms.raw_text import RawText


class CommentForm(forms.Form):
    """A comment beside a decision."""

    comment = forms.CharField(
        label="Comment",
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "maxlength": MAX_COMMENT}),
        help_text="Needed to reject or to request changes. Everybody who can read the change can read it.",
    )


class CancelForm(forms.Form):
    """Why a change is given up."""

    comment = forms.CharField(
        label="Reason",
        widget=forms.Textarea(attrs={"rows": 4, "maxlength": MAX_COMMENT}),
        help_text="Kept with the change and in the audit log.",
    )


class WindowForm(forms.Form):
    """The maintenance window of a change."""

    window_start = RawText(
        label="Opens",
        required=True,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text="UTC. Nothing is started before.",
    )
    window_end = RawText(
        label="Closes",
        required=True,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text="UTC. Nothing is started from then on; the strategy says what becomes of devices in flight.",
    )
    start_by_itself = forms.BooleanField(
        label="Start by itself in the window",
        required=False,
        help_text="As if you started it then: your right to start it is checked now, and again at the start.",
    )


class CloseForm(forms.Form):
    """How a change went."""

    close_code = forms.ChoiceField(label="Close code")
    comment = forms.CharField(
        label="Note",
        required=False,
        widget=forms.Textarea(attrs={"rows": 5, "maxlength": MAX_COMMENT}),
        help_text="What went otherwise than planned, and what follows from it. Needed unless all devices succeeded.",
    )

    def __init__(self, data: Mapping[str, str] | None = None, *, outcome: str, suggested: CloseCode) -> None:
        super().__init__(data, initial={"close_code": suggested.value})
        field = self.fields["close_code"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - tells the type checker what stands above
        field.choices = [
            (code.value, code.label)
            for code in CloseCode
            if code is not CloseCode.SUCCESSFUL or outcome == RunOutcome.SUCCEEDED
        ]


def with_findings(form: forms.Form, findings: Mapping[str, Sequence[str]]) -> forms.Form:
    """The form with the sentences of a service put to the fields that they are about; others stay general."""
    form.full_clean()
    for name, sentences in findings.items():
        for sentence in sentences:
            form.add_error(name if name in form.fields else None, sentence)
    return form
