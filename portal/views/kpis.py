"""The key figures of the change process, and the changes behind each."""

from __future__ import annotations

from typing import Any, get_args

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from changes.domain.errors import InvalidInputError
from changes.domain.kpis.definitions import BY_KEY
from changes.domain.reports.document import figures
from changes.domain.reports.periods import ReportKind, days_of, name_of, previous
from changes.domain.roles import group_label
from changes.services.kpis.counting import Part, count_figures
from changes.services.kpis.counting import kpi_changes as changes_behind
from changes.services.kpis.scope import SCOPE_FILTERS, Scope
from changes.services.kpis.series import by_site, by_template, by_type
from changes.services.kpis.targets import judged_kpis
from changes.services.reports.monthly import course, tally_table
from portal.forms.reports import ScopeForm
from portal.presenters.change_rows import change_rows, listed
from portal.presenters.charts import chart_of
from portal.presenters.paging import KeyPage, older_page
from portal.presenters.report_tabs import report_tabs
from portal.presenters.reports import Shown, figure_rows, shown_table
from portal.views.access import refused, signed_in
from portal.views.strictness import asked_for

PAGE = 50
PARTS = {"counted": "Those that count", "others": "The others", "all": "All"}


@require_safe
@signed_in
def kpi_page(request: HttpRequest) -> HttpResponse:
    """Every figure of a period beside the one before, the course, and the shares. A bad filter is answered with 400."""
    today = timezone.now().date()
    asked: dict[str, list[str]] = {}
    context: dict[str, Any] = {"problem": ""}
    try:
        asked = asked_for(request.GET, SCOPE_FILTERS)
        scope = Scope.read({name: values[0] for name, values in asked.items()}, today)
        context |= _figures(scope)
        context["running"] = scope.days.end > today
    except InvalidInputError as error:
        context["problem"] = str(error)
        scope = Scope(ReportKind.MONTHLY, days_of(ReportKind.MONTHLY, today))
    form = ScopeForm(asked or {"kind": [scope.kind.value], "day": [scope.days.first.isoformat()]})
    context |= {
        "form": form,
        "page_url": reverse("kpi"),
        "tabs": report_tabs("kpi"),
        "crumbs": [{"label": "Key figures", "url": ""}],
    }
    return render(request, "reports/kpis.html", context, status=400 if context["problem"] else 200)


def _figures(scope: Scope) -> dict[str, Any]:
    found = count_figures(scope)
    tables = [
        ("By type", "Type", by_type(scope)),
        ("By site", "Site", by_site(scope)),
        ("By template", "Template", by_template(scope)),
    ]
    return {
        "scope": scope,
        "name": name_of(scope.kind, scope.days),
        "words": scope.days.words,
        "figures": figure_rows(figures(list(judged_kpis().values()), found.now, found.before)["rows"], scope.query()),
        "stages": [
            {
                "label": group_label(time.stage),
                "now": time.now.text(BY_KEY["time-to-approve"]),
                "cases": time.now.denominator,
                "before": time.before.text(BY_KEY["time-to-approve"]),
            }
            for time in found.stages
        ],
        "chart": chart_of(course(scope), "course"),
        "tables": [Shown("table", shown_table(tally_table(*each))) for each in tables],
        "earlier_url": _url(scope, previous(scope.kind, scope.days).first.isoformat()),
        "later_url": _url(scope, scope.days.end.isoformat()) if scope.days.end <= timezone.now().date() else "",
    }


def _url(scope: Scope, day: str) -> str:
    return f"{reverse('kpi')}?{urlencode({**scope.query(), 'day': day})}"


@require_safe
@signed_in
def kpi_changes(request: HttpRequest, key: str) -> HttpResponse:
    """The very changes behind a figure: those that count for it, those that do not, or all."""
    try:
        asked = asked_for(request.GET, [*SCOPE_FILTERS, "part", "before"])
        values = {name: found[0] for name, found in asked.items() if name in SCOPE_FILTERS}
        scope = Scope.read(values, timezone.now().date())
        part = _part(asked.get("part", ["counted"])[0])
        page = older_page(request, listed(changes_behind(key, scope, part)), size=PAGE)
    except InvalidInputError as error:
        return refused(
            request, "This list does not exist", str(error), status=400, url=reverse("kpi"), label="Key figures"
        )
    return render(request, "reports/kpi_changes.html", _behind(key, scope, part, page))


def _part(value: str) -> Part:
    found = next((part for part in get_args(Part) if part == value), None)
    if found is None:
        raise InvalidInputError({"part": [f"“{value}” is no part. Use one of: {', '.join(PARTS)}."]})
    chosen: Part = found
    return chosen


def _behind(key: str, scope: Scope, part: Part, page: KeyPage[Any]) -> dict[str, Any]:
    kpi = BY_KEY[key]
    here = reverse("kpi-changes", args=[key])
    back = f"{reverse('kpi')}?{urlencode(scope.query())}"
    choices = [
        {"label": label, "url": f"{here}?{urlencode({**scope.query(), 'part': name})}", "current": name == part}
        for name, label in PARTS.items()
    ]
    return {
        "kpi": kpi,
        "name": name_of(scope.kind, scope.days),
        "words": scope.days.words,
        "part_words": kpi.numerator if part == "counted" else kpi.denominator,
        "choices": choices,
        "rows": change_rows(page.rows),
        "page": page,
        "tabs": report_tabs("kpi"),
        "crumbs": [{"label": "Key figures", "url": back}, {"label": kpi.title, "url": ""}],
    }
