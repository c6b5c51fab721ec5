from django.urls import URLPattern, path

from portal.views import approvals, decisions, delegations

urlpatterns: list[URLPattern] = [
    path("changes/<int:change_id>/abstain/", decisions.change_abstain, name="change-abstain"),
    path("changes/<int:change_id>/withdraw-decision/", approvals.decision_withdraw, name="decision-withdraw"),
    path("changes/<int:change_id>/revise/", approvals.change_revise, name="change-revise"),
    path("delegations/", delegations.delegations, name="delegations"),
    path("delegations/new/", delegations.delegation_create, name="delegation-create"),
    path("delegations/<int:delegation_id>/revoke/", delegations.delegation_revoke, name="delegation-revoke"),
]
