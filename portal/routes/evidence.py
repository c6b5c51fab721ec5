from django.urls import URLPattern, path

from portal.views import audit_plan, evidence

urlpatterns: list[URLPattern] = [
    path("evidence/", evidence.evidence_list, name="evidence-list"),
    path("evidence/new/", evidence.evidence_new, name="evidence-new"),
    path("evidence/make/", evidence.evidence_make, name="evidence-make"),
    path("evidence/<int:pack_id>/", evidence.evidence_detail, name="evidence-detail"),
    path("evidence/<int:pack_id>/download/", evidence.evidence_download, name="evidence-download"),
    path("audit/changes/<int:change_id>/plans/<int:number>/", audit_plan.audit_plan, name="audit-plan"),
    path(
        "audit/changes/<int:change_id>/plans/<int:number>/<int:position>/",
        audit_plan.audit_plan_bytes,
        name="audit-plan-bytes",
    ),
]
