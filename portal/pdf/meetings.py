"""A CAB meeting on paper: its agenda, who was there, the minutes, and the decisions with what was signed."""

from __future__ import annotations

from django.template.loader import render_to_string
from django.utils import timezone

from changes.domain.policy import Person
from changes.models import Meeting
from portal.pdf.making import pdf_of
from portal.presenters.meetings import meeting_view
from portal.presenters.visible import Mask


def meeting_pdf(meeting: Meeting, person: Person) -> tuple[bytes, str]:
    """The PDF of a meeting as it stands now, and the name of its file.

    Raises:
        PdfError: none can be made now, or on this machine.
    """
    mask = Mask.load()
    html = render_to_string(
        "meetings/pdf.html",
        {
            "meeting": meeting,
            "view": meeting_view(meeting, person, mask),
            "summary": mask.prose(meeting.summary),
            "cancel_reason": mask.prose(meeting.cancel_reason),
            "printed_at": timezone.now(),
        },
    )
    return pdf_of(html), f"countersign-meeting-{meeting.pk}-{meeting.starts_at:%Y-%m-%d}.pdf"
