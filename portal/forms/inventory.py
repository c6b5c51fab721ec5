from __future__ import annotations

from collections.abc import Mapping, Sequence

from django import forms

from devices.domain.drivers import drivers_of
from devices.domain.platforms import PLATFORMS
from portal.forms.raw_text import RawText


def _drivers() -> list[tuple[str, str]]:
    known = sorted({driver for platform in PLATFORMS for driver in drivers_of(platform)})
    return [("", "the platform's own"), *((name, name) for name in known)]


class PlatformForm(forms.Form):
    """One row of the platform table; :func:`devices.services.inventory_platforms.platform_map` judges it."""

    value = RawText(
        required=True,
        label="Word in the source",
        help_text="A platform's slug, or the custom field's value.",
        widget=forms.TextInput(attrs={"placeholder": "ios-xe", "autocomplete": "off", "spellcheck": "false"}),
    )
    platform = forms.ChoiceField(label="Platform here")
    driver = forms.ChoiceField(label="Driver", required=False)

    def __init__(self, data: Mapping[str, object] | None = None) -> None:
        super().__init__(data)
        self.fields["platform"].choices = [(slug, platform.label) for slug, platform in PLATFORMS.items()]  # type: ignore[attr-defined]
        self.fields["driver"].choices = _drivers()  # type: ignore[attr-defined]

    def blame(self, fields: Mapping[str, Sequence[str]]) -> None:
        """Put the service's sentences under the controls that they are about."""
        for name, sentences in fields.items():
            for sentence in sentences:
                self.add_error(name if name in self.fields else None, sentence)
