"""The forms of backups, drift and compliance. The services judge; the forms draw and carry the findings back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django import forms

from devices.domain.compliance import is_supported
from devices.domain.drift_review import DriftState
from devices.domain.drift_rules import DriftClass
from devices.domain.platforms import PLATFORMS
from devices.models import ComplianceRule, DriftRule
from portal.forms.filters import ANY, FilterForm, search
from portal.forms.raw_text import RawText

OPEN = "open_all"
"""A name for all states that are not closed, which the filter takes besides the states."""
YES_NO = [*ANY, ("yes", "Yes"), ("no", "No")]


class DriftFilterForm(FilterForm):
    """The filters of the review queue."""

    device = forms.CharField(label="Device", required=False, widget=search("fra-acc-01"))
    state = forms.ChoiceField(
        required=False, choices=[*ANY, (OPEN, "All that is open"), *((item.value, item.label) for item in DriftState)]
    )
    drift_class = forms.ChoiceField(
        label="Class", required=False, choices=[*ANY, *((item.value, item.label) for item in DriftClass)]
    )
    unauthorized = forms.ChoiceField(label="Unauthorized", required=False, choices=YES_NO)
    owner = forms.CharField(required=False, widget=forms.TextInput(attrs={"placeholder": "olivia"}))
    site = forms.CharField(required=False, widget=forms.TextInput(attrs={"placeholder": "FRA"}))
    found_from = forms.CharField(label="Found from", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    found_until = forms.CharField(label="Found until", required=False, widget=forms.DateInput(attrs={"type": "date"}))


class BlamedForm(forms.Form):
    """A form that takes a service's sentences under the controls that they are about."""

    def blame(self, fields: Mapping[str, Sequence[str]]) -> None:
        """Put the sentences in place; those about no control stand at the head."""
        self.full_clean()
        for name, sentences in fields.items():
            for sentence in sentences:
                self.add_error(name if name in self.fields else None, sentence)


class DriftRuleForm(BlamedForm):
    """One drift rule."""

    name = RawText(required=True, label="Name", widget=forms.TextInput(attrs={"maxlength": 80}))
    drift_class = forms.ChoiceField(
        label="Class", required=False, choices=[(item.value, item.label) for item in DriftClass]
    )
    pattern = RawText(
        required=True,
        label="Pattern",
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocomplete": "off", "class": "mono"}),
        help_text="RE2, searched in “block / line”, such as “interface Vlan10 / ip access-group EDGE in”.",
    )
    position = RawText(
        required=True,
        label="Position",
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
        help_text="Rules are tried in this order; the first that fits decides.",
    )
    platforms = forms.MultipleChoiceField(
        label="Platforms",
        required=False,
        choices=[(platform.slug, platform.label) for platform in PLATFORMS.values()],
        widget=forms.SelectMultiple(attrs={"size": 5}),
        help_text="None chosen: all.",
    )
    enabled = forms.BooleanField(label="In force", required=False)

    @classmethod
    def of(cls, rule: DriftRule | None) -> DriftRuleForm:
        """The form as a rule has it, or for a new one."""
        if rule is None:
            return cls(initial={"enabled": True, "position": "500", "drift_class": DriftClass.FUNCTIONAL})
        names = ("name", "drift_class", "pattern", "position", "platforms", "enabled")
        return cls(initial={name: getattr(rule, name) for name in names})

    def values(self) -> dict[str, object]:
        """What was typed, as the service reads it."""
        self.full_clean()
        given = self.data
        platforms = given.getlist("platforms") if hasattr(given, "getlist") else []
        return {
            **{name: given.get(name, "") for name in ("name", "drift_class", "pattern", "position")},
            "platforms": platforms,
            "enabled": bool(given.get("enabled")),
        }


def _lines(text: str) -> list[str]:
    return [item.strip() for item in text.replace(",", "\n").splitlines() if item.strip()]


class ComplianceRuleForm(BlamedForm):
    """One compliance rule."""

    feature = RawText(required=True, label="Feature", widget=forms.TextInput(attrs={"placeholder": "NTP"}))
    platform = forms.ChoiceField(
        required=False,
        choices=[(item.slug, item.label) for item in PLATFORMS.values() if is_supported(item.slug)],
    )
    description = RawText(label="Description", widget=forms.Textarea(attrs={"rows": 2}))
    section = RawText(
        required=True,
        label="Sections",
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "class": "mono"}),
        help_text="The first words of the feature's top-level lines, one a line, such as “ntp server”.",
    )
    intended = RawText(
        label="Intended lines",
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false", "class": "mono"}),
        help_text="As the device shows them. Empty: no line of these sections may be there.",
    )
    ordered = forms.BooleanField(label="The order of lines counts", required=False)
    sites = RawText(label="Only at sites", help_text="Separated by commas; empty: all.")
    roles = RawText(label="Only for roles", help_text="Separated by commas; empty: all.")
    tags = RawText(label="Only with one of the tags", help_text="Separated by commas; empty: all.")
    enabled = forms.BooleanField(label="In force", required=False)

    @classmethod
    def of(cls, rule: ComplianceRule | None) -> ComplianceRuleForm:
        """The form as a rule has it, or for a new one."""
        if rule is None:
            return cls(initial={"enabled": True})
        texts = ("feature", "platform", "description", "section", "intended", "ordered", "enabled")
        lists = {name: ", ".join(getattr(rule, name)) for name in ("sites", "roles", "tags")}
        return cls(initial={**{name: getattr(rule, name) for name in texts}, **lists})

    def values(self) -> dict[str, object]:
        """What was typed, as the service reads it."""
        self.full_clean()
        given = self.data
        return {
            **{
                name: str(given.get(name, "")) for name in ("feature", "platform", "description", "section", "intended")
            },
            **{name: _lines(str(given.get(name, ""))) for name in ("sites", "roles", "tags")},
            "ordered": bool(given.get("ordered")),
            "enabled": bool(given.get("enabled")),
        }
