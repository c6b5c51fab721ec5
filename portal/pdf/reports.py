"""A report as its page, its PDF and the API show it: one context, one document."""

from __future__ import annotations

from typing import Any

from django.template.loader import render_to_string

from changes.services.reports.making import report_get
from portal.pdf.making import pdf_of
from portal.presenters.reports import sections_of
from portal.presenters.visible import Mask


def report_context(report_id: int) -> dict[str, Any]:
    """What page and PDF draw of a report.

    Raises:
        ChangeNotFoundError: there is none with this id.
        ConflictError: the stored bytes are not those that were made.
    """
    report, document = report_get(report_id)
    return {
        "report": report,
        "document": document,
        "sections": sections_of(document),
        "by": report.made_by.get_username() if report.made_by else "the schedule",
        "made_words": f"{report.made_at:%-d %b %Y %H:%M} UTC",
        "reason": Mask.load().prose(report.reason),
    }


def report_pdf(report_id: int) -> tuple[bytes, str]:
    """The PDF of a report, and the name of its file.

    Raises:
        ChangeNotFoundError, ConflictError: as :func:`report_context`.
        PdfError: none can be made now, or on this machine.
    """
    found = report_context(report_id)
    data = pdf_of(render_to_string("reports/pdf.html", found))
    document = found["document"]
    name = f"{document['kind']}-{document['period']['first']}-{found['report'].edition}"
    return data, f"countersign-{name}.pdf"
