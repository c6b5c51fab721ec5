from django.urls import URLPattern, path

from portal.views import policies, policy_actions

_ONE = "policies/<int:version_id>/"

urlpatterns: list[URLPattern] = [
    path("policies/", policies.policy_list, name="policy-list"),
    path("policies/new/", policy_actions.policy_new, name="policy-new"),
    path(_ONE, policies.policy_detail, name="policy-detail"),
    path(f"{_ONE}policy.yaml", policies.policy_export, {"form": "yaml"}, name="policy-yaml"),
    path(f"{_ONE}policy.json", policies.policy_export, {"form": "json"}, name="policy-json"),
    path(f"{_ONE}ask/", policies.policy_ask, name="policy-ask"),
    path(f"{_ONE}propose/", policy_actions.policy_propose, name="policy-propose"),
    path(f"{_ONE}activate/", policy_actions.policy_activation, name="policy-activate"),
    path(f"{_ONE}retire/", policy_actions.policy_retire, name="policy-retire"),
]
