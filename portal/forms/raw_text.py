"""A form field that takes what was typed, and leaves the judging to the domain."""

from __future__ import annotations

from typing import Any

from django import forms


class RawText(forms.CharField):
    """Text exactly as it was typed. ``required`` only draws the mark: what may be empty is for the domain to say."""

    def __init__(self, *, required: bool = False, **options: Any) -> None:  # noqa: ANN401 - Django's field options
        super().__init__(required=required, strip=False, **options)

    def validate(self, value: object) -> None:
        """Accept anything."""

    def run_validators(self, value: object) -> None:
        """Accept anything."""
