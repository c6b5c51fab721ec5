from django.urls import path

from changes.api import policies
from devices.api import converters  # noqa: F401 - makes <id:…> known

_ONE = "policies/<id:version_id>/"

urlpatterns = [
    path("policies/", policies.PolicyListView.as_view(), name="api-policy-list"),
    path("policies/schema/", policies.PolicySchemaView.as_view(), name="api-policy-schema"),
    path(_ONE, policies.PolicyDetailView.as_view(), name="api-policy-detail"),
    path(f"{_ONE}ask/", policies.PolicyAskView.as_view(), name="api-policy-ask"),
    path(f"{_ONE}forecast/", policies.PolicyForecastView.as_view(), name="api-policy-forecast"),
    path(f"{_ONE}propose/", policies.PolicyProposeView.as_view(), name="api-policy-propose"),
    path(f"{_ONE}activate/", policies.PolicyActivateView.as_view(), name="api-policy-activate"),
    path(f"{_ONE}retire/", policies.PolicyRetireView.as_view(), name="api-policy-retire"),
]
