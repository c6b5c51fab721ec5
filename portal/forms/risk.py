"""Setting another risk level than the computed one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django import forms

from changes.services.risk_decisions import MAX_REASON


class RiskForm(forms.Form):
    """The level and why. The service judges both."""

    level = forms.ChoiceField(label="Level", widget=forms.RadioSelect)
    reason = forms.CharField(
        label="Reason",
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "maxlength": MAX_REASON}),
        help_text="Needed to lower the level. It stays with the change and in the audit log, for everybody to read.",
    )

    def __init__(self, data: Mapping[str, object] | None, levels: Sequence[tuple[str, str]]) -> None:
        super().__init__(data)
        self.fields["level"].choices = list(levels)  # type: ignore[attr-defined]  # this is a choice field
