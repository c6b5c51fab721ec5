"""Compliance: the score by rule, what was found on devices, and the rules themselves."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from changes.domain.errors import InvalidInputError
from devices.domain.compliance import ComplianceState
from devices.domain.reasons import REASONS
from devices.models import ComplianceResult, ComplianceRule
from devices.services.compliance import Score, compliance_rule_delete, compliance_rule_save, listed, score_of
from portal.forms.configs import ComplianceRuleForm
from portal.presenters.drift_pages import config_tabs
from portal.presenters.paging import older_page
from portal.presenters.visible import visible
from portal.views.access import refused, signed_in
from portal.views.acting import actor_of
from portal.views.drift_rules import may_edit_rules
from portal.views.posting import posted
from portal.views.refusals import Refusal, attempt
from portal.views.strictness import asked_for, asked_state

PAGE = 50


@require_safe
@signed_in
def compliance(request: HttpRequest) -> HttpResponse:
    """The score over all rules and of each, with what was not assessed beside it; three queries."""
    compliant, absent = Q(results__state=ComplianceState.COMPLIANT), Q(results__state=ComplianceState.NOT_ASSESSED)
    here = listed("results__")
    rules = ComplianceRule.objects.annotate(
        all=Count("results", filter=here),
        compliant=Count("results", filter=compliant & here),
        absent=Count("results", filter=absent & here),
    )
    rows = [
        (
            rule,
            Score(rule.compliant, rule.all - rule.absent, rule.absent),
            reverse("compliance-rule-results", args=[rule.pk]),
        )
        for rule in rules
    ]
    return render(
        request,
        "compliance/list.html",
        {
            "score": score_of(ComplianceResult.objects.all()),
            "rows": rows,
            "may_edit": may_edit_rules(request),
            "tabs": config_tabs("compliance"),
            "crumbs": [{"label": "Drift", "url": reverse("drift-list")}, {"label": "Compliance", "url": ""}],
        },
    )


@require_safe
@signed_in
def compliance_rule_results(request: HttpRequest, rule_id: int) -> HttpResponse:
    """What one rule found, device by device."""
    rule = get_object_or_404(ComplianceRule, pk=rule_id)
    try:
        asked = asked_for(request.GET, ["state", "before"])
        state = asked_state(asked, list(ComplianceState))
        rows = rule.results.filter(listed()).select_related("device").order_by("-pk")
        page = older_page(request, rows.filter(state=state) if state else rows, size=PAGE)
    except InvalidInputError as error:
        return refused(request, "This page does not exist", str(error), status=400, url=request.path, label=str(rule))
    return render(
        request,
        "compliance/results.html",
        {
            "rule": rule,
            "score": score_of(rule.results.all()),
            "rows": [
                (row, ComplianceState(row.state).label, REASONS.get(row.code), visible(row.missing), visible(row.extra))
                for row in page.rows
            ],
            "page": page,
            "choices": [
                ("", "All", "?", not state),
                *((item.value, item.label, f"?state={item.value}", item == state) for item in ComplianceState),
            ],
            "may_edit": may_edit_rules(request),
            "crumbs": [
                {"label": "Drift", "url": reverse("drift-list")},
                {"label": "Compliance", "url": reverse("compliance")},
                {"label": str(rule), "url": ""},
            ],
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def compliance_rule(request: HttpRequest, rule_id: int | None = None) -> HttpResponse:
    """Write a compliance rule."""
    rule = get_object_or_404(ComplianceRule, pk=rule_id) if rule_id else None
    if request.method != "POST":
        return _form(request, rule, ComplianceRuleForm.of(rule))
    form = ComplianceRuleForm(request.POST)
    data = form.values()
    refusal = attempt(lambda: compliance_rule_save(rule_id=rule_id, data=data, actor=actor_of(request)))
    if refusal:
        form.blame(refusal.fields)
        return _form(request, rule, form, refusal=None if refusal.fields else refusal, status=refusal.status)
    messages.success(request, "The rule is saved. The workers judge the devices by it now.")
    return redirect("compliance")


def _form(
    request: HttpRequest,
    rule: ComplianceRule | None,
    form: ComplianceRuleForm,
    *,
    refusal: Refusal | None = None,
    status: int = 200,
) -> HttpResponse:
    return render(
        request,
        "compliance/rule.html",
        {
            "rule": rule,
            "form": form,
            "refusal": refusal,
            "may_edit": may_edit_rules(request),
            "crumbs": [
                {"label": "Drift", "url": reverse("drift-list")},
                {"label": "Compliance", "url": reverse("compliance")},
                {"label": str(rule) if rule else "New rule", "url": ""},
            ],
        },
        status=status,
    )


@signed_in
@posted("compliance-rule", "rule_id")
def compliance_rule_remove(request: HttpRequest, rule_id: int) -> HttpResponse:
    """Remove a compliance rule and what it found."""
    rule = get_object_or_404(ComplianceRule, pk=rule_id)
    refusal = attempt(lambda: compliance_rule_delete(rule_id=rule_id, actor=actor_of(request)))
    if refusal:
        return _form(request, rule, ComplianceRuleForm.of(rule), refusal=refusal, status=refusal.status)
    messages.success(request, f"The rule “{rule}” is removed.")
    return redirect("compliance")
