from django.urls import URLPattern, path

from portal.views import (
    audit,
    audit_checkpoints,
    audit_redactions,
    audit_searches,
    audit_trail,
    breakers,
    credentials,
    devices,
)

urlpatterns: list[URLPattern] = [
    path("devices/", devices.device_list, name="device-list"),
    path("devices/<int:device_id>/", devices.device_detail, name="device-detail"),
    path("devices/<int:device_id>/configs/<int:snapshot_id>/", devices.device_config, name="device-config"),
    path("breakers/", breakers.breaker_list, name="breaker-list"),
    path("breakers/<int:breaker_id>/reset/", breakers.breaker_reset_view, name="breaker-reset"),
    path("credentials/", credentials.credential_list, name="credential-list"),
    path("credentials/<path:name>/", credentials.credential_detail, name="credential-detail"),
    path("audit/", audit.audit_list, name="audit-list"),
    path("audit/export/", audit.audit_export, name="audit-export"),
    path("audit/<int:event_id>/", audit.audit_detail, name="audit-detail"),
    path("audit/checkpoints/", audit_checkpoints.checkpoints, name="audit-checkpoints"),
    path("audit/checkpoints/compare/", audit_checkpoints.checkpoint_compare_view, name="audit-checkpoint-compare"),
    path("audit/checkpoints/<int:size>/", audit_checkpoints.checkpoint_file, name="audit-checkpoint-file"),
    path("audit/verify.py", audit_checkpoints.verifier_file, name="audit-verifier"),
    path("audit/changes/<int:change_id>/", audit_trail.audit_trail, name="audit-trail"),
    path("audit/redactions/", audit_redactions.redactions, name="audit-redactions"),
    path("audit/redactions/<int:redaction_id>/", audit_redactions.redaction, name="audit-redaction"),
    path(
        "audit/redactions/<int:redaction_id>/carry-out/",
        audit_redactions.carry_out,
        name="audit-redaction-carry-out",
    ),
    path("audit/redactions/<int:redaction_id>/decline/", audit_redactions.decline, name="audit-redaction-decline"),
    path("audit/<int:event_id>/redact/", audit_redactions.propose, name="audit-redact"),
    path("audit/searches/", audit_searches.searches, name="audit-searches"),
    path("audit/searches/<int:search_id>/change/", audit_searches.search_change, name="audit-search-change"),
    path("audit/searches/<int:search_id>/delete/", audit_searches.search_delete, name="audit-search-delete"),
]
