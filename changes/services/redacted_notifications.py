"""What people were told of a change repeats what was written there: a text that is redacted goes from it, too."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from django.db.models import Q, Value
from django.db.models.functions import Left, Replace

from audit.body import clean_text, clip
from audit.redaction.commitments import REDACTED
from changes.domain.notifications import SENTENCE_LIMIT, SUBJECT_LIMIT, one_line
from changes.models import Notification

_SHORTEST: Final = 4
"""A text of fewer characters is only taken where it is the whole sentence: it stands in others by chance."""


def notifications_redact(change_id: int | None, texts: Collection[str]) -> None:
    """Put ``[redacted]`` in place of these texts in notifications about a change; part of carrying out a redaction.

    What waits to be sent goes out without them. What was sent is out of reach.
    """
    rows = Notification.objects.filter(change_id=change_id)
    if change_id is None:
        return
    for text in {form for each in texts for form in _forms(each)}:
        rows.filter(sentence=clip(clean_text(text), SENTENCE_LIMIT)).update(sentence=REDACTED)
        if len(text) < _SHORTEST:
            continue
        short = one_line(text, SUBJECT_LIMIT)
        found = rows.filter(Q(sentence__contains=text) | Q(subject__contains=short))
        found.update(
            sentence=Replace("sentence", Value(text), Value(REDACTED)),
            subject=Left(Replace("subject", Value(short), Value(REDACTED)), SUBJECT_LIMIT),
        )


def _forms(text: str) -> Iterator[str]:
    """The text, and of a label such as ``CHG-00042 Move ACME`` the title, which stands by itself elsewhere."""
    yield text
    number, _space, title = text.partition(" ")
    if number.startswith("CHG-") and title:
        yield title
