"""Evidence packs: their list, asking for one, how far one is, and its download."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_safe
from django_htmx.middleware import HtmxDetails

from audit.errors import AuditError
from audit.filters import EventFilter
from changes.domain.errors import ChangeError, InvalidInputError
from changes.domain.evidence import OPEN, PackScope, PackState
from changes.models import ChangeRequest, EvidencePack
from changes.services.evidence.asking import pack_ask
from changes.services.evidence.downloading import link_token, pack_parts
from portal.presenters.audit_tabs import audit_tabs
from portal.presenters.evidence import pack_detail, pack_rows
from portal.presenters.paging import older_page
from portal.presenters.visible import Mask
from portal.views.access import audit_reader, refused
from portal.views.acting import actor_of
from portal.views.posting import posted
from portal.views.strictness import asked_for

PAGE = 50
_HELD = "held_sizes"
_NO_FILTERS = ("scope", _HELD, "csrfmiddlewaretoken", "before_id", "format")


@require_safe
@audit_reader
def evidence_list(request: HttpRequest) -> HttpResponse:
    """Every pack, newest first."""
    try:
        asked_for(request.GET, ["before"])
        rows = EvidencePack.objects.select_related("change", "asked_by").order_by("-pk")
        page = older_page(request, rows, size=PAGE)
    except InvalidInputError as error:
        return refused(
            request, "This list does not exist", str(error), status=400, url=reverse("evidence-list"), label="Packs"
        )
    context = {
        "rows": pack_rows(page.rows, Mask.load()),
        "page": page,
        "tabs": audit_tabs("evidence-list"),
        "crumbs": _crumbs("Evidence packs"),
    }
    return render(request, "evidence/list.html", context)


@require_safe
@audit_reader
def evidence_new(request: HttpRequest) -> HttpResponse:
    """What a pack would hold, and the button that has it made."""
    return _form(request, request.GET)


@audit_reader
@posted("evidence-new")
def evidence_make(request: HttpRequest) -> HttpResponse:
    """Have one made and go to its page."""
    try:
        scope, change_id, filters = _asked(request.POST)
        pack = pack_ask(
            actor=actor_of(request),
            scope=scope,
            change_id=change_id,
            filters=filters,
            held_sizes=_sizes(request.POST.get(_HELD, "")),
        )
    except (ChangeError, AuditError) as error:
        return _form(request, request.POST, problem=_sentence(error))
    return redirect("evidence-detail", pack.pk)


@require_safe
@audit_reader
def evidence_detail(request: HttpRequest, pack_id: int) -> HttpResponse:
    """How far it is; when it is ready, a download link that holds for 15 minutes."""
    pack = EvidencePack.objects.select_related("change", "asked_by").filter(pk=pack_id).first()
    if pack is None:
        raise Http404(f"There is no evidence pack {pack_id}.")
    link = ""
    if pack.state == PackState.READY:
        token = link_token(pack=pack, person_id=request.user.pk or 0)
        link = f"{reverse('evidence-download', args=[pack.pk])}?{urlencode({'link': token})}"
    context = {
        "pack": pack,
        "view": pack_detail(pack, Mask.load()),
        "live": pack.state in OPEN,
        "download_url": link,
        "crumbs": _crumbs(f"Pack {pack.pk}", inside=True),
    }
    return render(request, "evidence/_live.html" if HtmxDetails(request) else "evidence/detail.html", context)


@require_GET
@audit_reader
def evidence_download(request: HttpRequest, pack_id: int) -> HttpResponseBase:
    """The archive, streamed; taking it is an event."""
    try:
        download = pack_parts(pack_id=pack_id, actor=actor_of(request), token=request.GET.get("link", ""))
    except ChangeError as error:
        url = reverse("evidence-detail", args=[pack_id])
        return refused(request, "This pack cannot be taken", str(error), status=409, url=url, label="The pack")
    headers = {
        "Content-Disposition": f'attachment; filename="{download.filename}"',
        "Content-Length": str(download.size),
        "X-Audit-Event": str(download.event_id),
    }
    return StreamingHttpResponse(download.chunks, content_type="application/zip", headers=headers)


def _form(request: HttpRequest, given: QueryDict, *, problem: str = "") -> HttpResponse:
    status = HTTPStatus.CONFLICT if problem else HTTPStatus.OK
    context: dict[str, Any] = {"held": given.get(_HELD, ""), "problem": problem, "crumbs": _crumbs("New", inside=True)}
    try:
        scope, change_id, filters = _asked(given)
        change = ChangeRequest.objects.filter(pk=change_id).first() if change_id else None
        if change_id and change is None:
            raise InvalidInputError({"change_id": [f"There is no change with the number {change_id}."]})
        context |= {"scope": scope, "change": change, "filters": filters.items()}
    except (ChangeError, AuditError) as error:
        context["problem"], status = problem or _sentence(error), HTTPStatus.BAD_REQUEST
    return render(request, "evidence/new.html", context, status=status)


def _asked(given: QueryDict) -> tuple[PackScope, int | None, dict[str, str]]:
    """What a query or a form asks for: filters as the explorer has them; a change alone means that change's story."""
    query = given.copy()
    for name in _NO_FILTERS:
        query.pop(name, None)
    if "change_id" in query:
        query["change_id"] = str(query["change_id"]).strip().upper().removeprefix("CHG-").lstrip("0")
    wanted = EventFilter.parse(query)
    filters = {name: str(query[name]).strip() for name in query if str(query[name]).strip()}
    if given.get("scope", "") == PackScope.FILTER or (filters and set(filters) != {"change_id"}):
        return PackScope.FILTER, None, filters
    if wanted.change_id is not None:
        return PackScope.CHANGE, wanted.change_id, filters
    return PackScope.WHOLE, None, {}


def _sizes(text: str) -> list[int]:
    parts = text.replace(",", " ").split()
    if not all(part.isdecimal() and len(part) < 19 for part in parts):
        raise InvalidInputError({_HELD: ["Give numbers of entries, with spaces between them."]})
    return [int(part) for part in parts]


def _sentence(error: Exception) -> str:
    if isinstance(error, InvalidInputError):
        return " ".join(sentence for sentences in error.fields.values() for sentence in sentences)
    return str(error)


def _crumbs(label: str, *, inside: bool = False) -> list[dict[str, str]]:
    crumbs = [{"label": "Audit", "url": reverse("audit-list")}]
    if inside:
        crumbs.append({"label": "Evidence packs", "url": reverse("evidence-list")})
    return [*crumbs, {"label": label, "url": ""}]
