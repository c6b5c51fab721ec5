"""What people send to roll a change back. The services judge it; here it is only read."""

from __future__ import annotations

from django import forms
from django.http import QueryDict

from changes.domain.content import MAX_COMMENT
from changes.domain.errors import InvalidInputError
from changes.services.rollback import Wish


class RollbackForm(forms.Form):
    """Why a change is rolled back."""

    comment = forms.CharField(
        label="Reason",
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "maxlength": MAX_COMMENT}),
        help_text="Kept with the change and in the audit log.",
    )


def wish_of(data: QueryDict) -> Wish:
    """What a page's form asks for: ``device`` ids, and for recomputed lines ``confirmed`` as ``id:digest``.

    Raises:
        InvalidInputError: an id that is no whole number.
    """
    confirmed = [value.partition(":") for value in data.getlist("confirmed")]
    return Wish(
        device_ids=device_ids(data),
        confirmed={_whole_number(pk): digest for pk, _, digest in confirmed},
        comment=data.get("comment", ""),
    )


def device_ids(data: QueryDict) -> tuple[int, ...]:
    """The ids of the devices that are asked for; none: the whole change.

    Raises:
        InvalidInputError: one that is no whole number.
    """
    return tuple(_whole_number(value) for value in data.getlist("device"))


def _whole_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise InvalidInputError({"device_ids": ["A device is named by a whole number. Open the page again."]})
    return int(text)
