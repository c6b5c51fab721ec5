"""The drift rules: the list, and one rule with a preview of what it would change."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from changes.domain.policy import Role
from devices.domain.drift_rules import DriftClass
from devices.errors import BadFieldsError
from devices.models import DriftRule
from devices.services.drift_rules import Reclassed, drift_preview, drift_rule_delete, drift_rule_save, parse_rule
from portal.forms.configs import DriftRuleForm
from portal.presenters.drift_pages import config_tabs
from portal.views.access import signed_in, viewer
from portal.views.acting import actor_of
from portal.views.posting import posted
from portal.views.refusals import Refusal, attempt


@require_safe
@signed_in
def drift_rules(request: HttpRequest) -> HttpResponse:
    """All rules in their order."""
    return render(
        request,
        "drift/rules.html",
        {
            "rules": [(rule, DriftClass(rule.drift_class).label) for rule in DriftRule.objects.all()],
            "may_edit": may_edit_rules(request),
            "tabs": config_tabs("drift-rules"),
            "crumbs": [{"label": "Drift", "url": reverse("drift-list")}, {"label": "Rules", "url": ""}],
        },
    )


def may_edit_rules(request: HttpRequest) -> bool:
    """Whether rules can be changed by this person; the services ask again."""
    roles = viewer(request).roles
    return Role.ADMINISTRATOR in roles and Role.AUDITOR not in roles


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def drift_rule(request: HttpRequest, rule_id: int | None = None) -> HttpResponse:
    """Write a rule: POST with ``preview`` shows what it would change, without it saves."""
    rule = get_object_or_404(DriftRule, pk=rule_id) if rule_id else None
    if request.method != "POST":
        return _form(request, rule, DriftRuleForm.of(rule))
    form = DriftRuleForm(request.POST)
    if "preview" in request.POST:
        try:
            preview = list(drift_preview(rule_id, parse_rule(form.values())))
        except BadFieldsError as error:
            form.blame(error.fields)
            return _form(request, rule, form, status=400)
        return _form(request, rule, form, preview=preview)
    data = form.values()
    refusal = attempt(lambda: drift_rule_save(rule_id=rule_id, data=data, actor=actor_of(request)))
    if refusal:
        form.blame(refusal.fields)
        return _form(request, rule, form, refusal=None if refusal.fields else refusal, status=refusal.status)
    messages.success(request, "The rule is saved. Open drift is classed by it from the next backup on.")
    return redirect("drift-rules")


def _form(
    request: HttpRequest,
    rule: DriftRule | None,
    form: DriftRuleForm,
    *,
    preview: list[Reclassed] | None = None,
    refusal: Refusal | None = None,
    status: int = 200,
) -> HttpResponse:
    return render(
        request,
        "drift/rule.html",
        {
            "rule": rule,
            "form": form,
            "preview": preview,
            "moving": sum(item.moves for item in preview or ()),
            "refusal": refusal,
            "may_edit": may_edit_rules(request),
            "crumbs": [
                {"label": "Drift", "url": reverse("drift-list")},
                {"label": "Rules", "url": reverse("drift-rules")},
                {"label": rule.name if rule else "New rule", "url": ""},
            ],
        },
        status=status,
    )


@signed_in
@posted("drift-rule", "rule_id")
def drift_rule_remove(request: HttpRequest, rule_id: int) -> HttpResponse:
    """Remove a rule."""
    rule = get_object_or_404(DriftRule, pk=rule_id)
    refusal = attempt(lambda: drift_rule_delete(rule_id=rule_id, actor=actor_of(request)))
    if refusal:
        return _form(request, rule, DriftRuleForm.of(rule), refusal=refusal, status=refusal.status)
    messages.success(request, f"The rule “{rule.name}” is removed.")
    return redirect("drift-rules")
