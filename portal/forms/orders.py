"""What people write when they give an order to a run, or move the kill switch. The services judge it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from changes.domain.content import MAX_COMMENT
from changes.domain.strategy import InFlight

_WORDS = {
    InFlight.FINISH: "Finish them: they go on to their ends.",
    InFlight.BACK_OUT: "Back them out: what was written is taken back, the approved way.",
}


class OrderForm(forms.Form):
    """Why; and where it is aborted, what becomes of devices in flight."""

    in_flight = forms.ChoiceField(
        label="Devices that are being worked on",
        choices=[(way.value, sentence) for way, sentence in _WORDS.items()],
        help_text="Finishing can be changed to backing out while the run has not ended; not the other way round.",
    )
    comment = forms.CharField(
        label="Reason",
        widget=forms.Textarea(attrs={"rows": 3, "maxlength": MAX_COMMENT}),
        help_text="Kept with the run and in the audit log.",
    )

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, comment: bool, in_flight: bool, only_back_out: bool = False
    ) -> None:
        super().__init__(data)
        self.fields["comment"].required = comment
        if not in_flight:
            del self.fields["in_flight"]
        elif only_back_out:
            field = self.fields["in_flight"]
            assert isinstance(field, forms.ChoiceField)  # noqa: S101 - tells the type checker what stands above
            field.choices = [(InFlight.BACK_OUT.value, _WORDS[InFlight.BACK_OUT])]


class KillSwitchForm(forms.Form):
    """Why it is engaged, or why it may be released."""

    comment = forms.CharField(
        label="Reason",
        widget=forms.Textarea(attrs={"rows": 3, "maxlength": MAX_COMMENT}),
        help_text="Everybody sees it on every page while the switch is engaged. It is kept in the audit log.",
    )
