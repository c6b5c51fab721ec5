from django.urls import path

from changes.api import approvals, delegations
from devices.api import converters  # noqa: F401 - makes <id:…> known

_CHANGE = "changes/<id:change_id>/"

urlpatterns = [
    path(f"{_CHANGE}abstain/", approvals.AbstainView.as_view(), name="api-change-abstain"),
    path(f"{_CHANGE}withdraw-decision/", approvals.WithdrawDecisionView.as_view(), name="api-change-withdraw-decision"),
    path(f"{_CHANGE}revise/", approvals.ReviseView.as_view(), name="api-change-revise"),
    path(f"{_CHANGE}stages/", approvals.StageListView.as_view(), name="api-change-stages"),
    path("delegations/", delegations.DelegationListView.as_view(), name="api-delegation-list"),
    path("delegations/<id:delegation_id>/", delegations.DelegationDetailView.as_view(), name="api-delegation-detail"),
    path(
        "delegations/<id:delegation_id>/revoke/",
        delegations.DelegationRevokeView.as_view(),
        name="api-delegation-revoke",
    ),
]
