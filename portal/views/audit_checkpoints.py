"""Tree heads to keep and to compare, the public keys, and the program that checks evidence packs."""

from __future__ import annotations

import hashlib
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_safe

from audit.errors import AuditError
from audit.sealing.comparing import Comparison, Verdict, checkpoint_compare, checkpoint_download
from audit.sealing.overview import log_overview
from changes.services.evidence.making import verifier_source
from portal.presenters.audit_tabs import audit_tabs
from portal.views.access import audit_reader, refused
from portal.views.acting import actor_of
from portal.views.posting import posted

NOTHING_GIVEN = "Choose the file that you kept, or paste its text."
_PLAIN = "text/plain; charset=utf-8"


@require_safe
@audit_reader
def checkpoints(request: HttpRequest) -> HttpResponse:
    """The newest checkpoint, the log's public keys, its anchors, and a form to compare a checkpoint."""
    return _page(request)


@audit_reader
@posted("audit-checkpoints")
def checkpoint_compare_view(request: HttpRequest) -> HttpResponse:
    """Whether the log continues the checkpoint that was typed in or given as a file."""
    text = _given(request)
    if not text.strip():
        return _page(request, problem=NOTHING_GIVEN, status=HTTPStatus.BAD_REQUEST)
    try:
        return _page(request, comparison=checkpoint_compare(actor=actor_of(request), note=text))
    except AuditError as error:
        return _page(request, problem=str(error), text=text, status=HTTPStatus.BAD_REQUEST)


@require_GET
@audit_reader
def checkpoint_file(request: HttpRequest, size: int) -> HttpResponse:
    """One checkpoint as a file to keep; taking it is an event."""
    try:
        head = checkpoint_download(actor=actor_of(request), size=size)
    except AuditError as error:
        url, label = reverse("audit-checkpoints"), "Checkpoints and keys"
        title = "There is no such checkpoint"
        return refused(request, title, str(error), status=HTTPStatus.NOT_FOUND, url=url, label=label)
    return _file(head.note, f"checkpoint-{head.size}.txt")


@require_GET
@audit_reader
def verifier_file(_request: HttpRequest) -> HttpResponse:
    """The program that checks evidence packs, as it lies in every pack."""
    return _file(verifier_source().decode(), "verify.py")


def _file(text: str, name: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(text, content_type=_PLAIN, headers=headers)


def _given(request: HttpRequest) -> str:
    """What was typed; else the file, of which what is no text is shown as such."""
    typed = str(request.POST.get("checkpoint", ""))
    file = request.FILES.get("file")
    return file.read().decode(errors="replace") if file is not None and not typed.strip() else typed


def _page(
    request: HttpRequest,
    *,
    comparison: Comparison | None = None,
    problem: str = "",
    text: str = "",
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    context = {
        "log": log_overview(),
        "comparison": comparison,
        "continued": comparison is not None and comparison.verdict is Verdict.CONTINUED,
        "problem": problem,
        "text": text,
        "verifier_sha256": hashlib.sha256(verifier_source()).hexdigest(),
        "tabs": audit_tabs("audit-checkpoints"),
        "crumbs": [{"label": "Audit", "url": reverse("audit-list")}, {"label": "Checkpoints and keys", "url": ""}],
    }
    return render(request, "audit/checkpoints.html", context, status=status)
