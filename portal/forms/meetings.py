"""What people write when they plan and hold a CAB meeting. The services judge it."""

from __future__ import annotations

from django import forms

from changes.domain.meetings import MAX_MINUTES, MAX_NAME, Outcome
from portal.forms.raw_text import RawText


class MeetingForm(forms.Form):
    """A meeting to plan."""

    title = RawText(
        label="Title",
        required=True,
        initial="CAB",
        widget=forms.TextInput(attrs={"maxlength": MAX_NAME}),
        help_text="Such as CAB, or ECAB.",
    )
    starts_at = RawText(
        label="Begins",
        required=True,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text="UTC.",
    )
    chair = RawText(
        label="Chair",
        required=True,
        widget=forms.TextInput(attrs={"maxlength": 150, "autocomplete": "off"}),
        help_text="The user name of a member of the CAB or ECAB, or of a change manager.",
    )


class PointForm(forms.Form):
    """A point to put on the agenda: a change by its number, or words."""

    point = RawText(
        label="Point",
        required=True,
        widget=forms.TextInput(attrs={"maxlength": 300, "autocomplete": "off"}),
        help_text="A change by its number, such as CHG-00042, or what is to be spoken about.",
    )


class MinuteForm(forms.Form):
    """What was said about a point, and what became of it."""

    minutes = forms.CharField(
        label="Minutes", required=False, widget=forms.Textarea(attrs={"rows": 3, "maxlength": MAX_MINUTES})
    )
    outcome = forms.ChoiceField(label="Outcome", required=False, choices=[("", "No outcome yet"), *Outcome.choices()])
    deferred_to = RawText(label="Deferred until", required=False, widget=forms.TextInput(attrs={"maxlength": 300}))


class CancelForm(forms.Form):
    """Why a planned meeting is not held."""

    reason = RawText(
        label="Reason",
        required=True,
        widget=forms.Textarea(attrs={"rows": 2, "maxlength": MAX_MINUTES}),
        help_text="The meeting stays on record with it, and cannot be opened any more.",
    )


class CloseForm(forms.Form):
    """How a meeting is summed up."""

    summary = forms.CharField(
        label="Summary",
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "maxlength": MAX_MINUTES}),
        help_text="After this nothing of the meeting can be changed.",
    )
