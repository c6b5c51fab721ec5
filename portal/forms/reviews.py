"""What people write in a review and its actions. The services judge it."""

from __future__ import annotations

from collections.abc import Mapping

from django import forms

from changes.domain.content import MAX_COMMENT
from changes.domain.reviews.content import MAX_ACTION, MAX_TEXT, ReviewOutcome
from portal.forms.raw_text import RawText


def _text(label: str, help_text: str, rows: int = 3) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": rows, "maxlength": MAX_TEXT})
    return forms.CharField(label=label, required=False, widget=widget, help_text=help_text)


def _moment(label: str, help_text: str) -> RawText:
    return RawText(
        label=label,
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text=help_text,
    )


class ReviewForm(forms.Form):
    """The review of one change; everything may stay empty while it is a draft."""

    what_happened = _text("What happened", "The course of things in a few sentences; the record stands beside it.", 5)
    impact = _text("Impact", "Which services and which people felt it, and for how long. If nobody did, say so.")
    cause = _text("Cause", "Why it came to this, not only what failed.")
    went_well = _text("What went well", "What shall stay as it is.")
    lessons = _text("Lessons", "What will be done otherwise. Make an action of each below.")
    outcome = forms.ChoiceField(
        label="Outcome", required=False, choices=[("", "Not said yet"), *ReviewOutcome.choices()]
    )
    began_at = _moment("Trouble began", "UTC. Proposed from the record: the first line that was sent.")
    detected_at = _moment("Detected", "UTC. Proposed: the first step that failed.")
    restored_at = _moment("Restored", "UTC. Proposed: the end of the last backout.")
    version = forms.CharField(required=False, widget=forms.HiddenInput)


class ReviewActionForm(forms.Form):
    """Something that somebody sees to."""

    text = forms.CharField(
        label="What is to be done", widget=forms.Textarea(attrs={"rows": 2, "maxlength": MAX_ACTION})
    )
    owner = RawText(
        label="Owner", required=True, widget=forms.TextInput(attrs={"autocomplete": "off"}), help_text="A user name."
    )
    due_on = RawText(label="Due", required=True, widget=forms.DateInput(attrs={"type": "date"}))


class ActionMoveForm(forms.Form):
    """Another owner or day for an action, and why."""

    owner = RawText(label="Owner", required=True, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    due_on = RawText(label="Due", required=True, widget=forms.DateInput(attrs={"type": "date"}))
    comment = forms.CharField(label="Reason", widget=forms.Textarea(attrs={"rows": 2, "maxlength": MAX_COMMENT}))


def typed(post: Mapping[str, str], form: type[forms.Form]) -> dict[str, str]:
    """The fields of a form as they were sent."""
    return {name: post[name] for name in form.base_fields if name in post}
