"""The part of an evidence pack that people read: a PDF, or the same as HTML where no PDF can be made."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.template.loader import render_to_string

from changes.models import EvidencePack
from changes.services.evidence.following import Named
from devices.services.scrubbing import Scrubber
from portal.pdf.making import PdfError, pdf_of
from portal.presenters.visible import Mask


def evidence_report(pack: EvidencePack, named: Named, made_at: datetime, scrub: Scrubber) -> list[tuple[str, bytes]]:
    """The file for readers, by its name in the pack."""
    html = render_to_string("evidence/report.html", _context(pack, named, made_at, Mask(scrub)))
    try:
        return [("report.pdf", pdf_of(html))]
    except PdfError:
        return [("report.html", html.encode())]


def _context(pack: EvidencePack, named: Named, made_at: datetime, mask: Mask) -> dict[str, Any]:
    rows = [
        {
            **row,
            "at": row["at"].replace("T", " ")[:19],
            "about": mask.prose(row["about"]),
            "reason": mask.prose(row["reason"]),
            "plan": (row["details"].get("plan_digest") or row["details"].get("digest") or "")[:16],
        }
        for row in named.told
    ]
    return {
        "pack": pack,
        "scope": pack.change.number if pack.change else pack.get_scope_display(),
        "made": f"{made_at:%-d %b %Y %H:%M:%S} UTC",
        "filters": pack.filters.items(),
        "count": named.count,
        "untold": named.untold,
        "rows": rows,
        "approvals": [row for row in rows if row["action"].startswith("approval.")],
        "runs": [row for row in rows if row["action"].startswith(("run.", "device_run."))],
        "title": mask.prose(pack.change.title) if pack.change else "",
    }
