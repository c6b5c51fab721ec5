from django.urls import path

from devices.api import (
    compliance,
    configs,
    converters,  # noqa: F401 - makes <id:…> known
    drift,
)

urlpatterns = [
    path(
        "devices/<id:device_id>/configs/<id:snapshot_id>/raw/",
        configs.RawConfigView.as_view(),
        name="api-device-config-raw",
    ),
    path("backups/", configs.BackupListView.as_view(), name="api-backups"),
    path("backups/<id:run_id>/", configs.BackupDetailView.as_view(), name="api-backup"),
    path("drift/", drift.DriftListView.as_view(), name="api-drift-list"),
    path("drift/<id:drift_id>/", drift.DriftDetailView.as_view(), name="api-drift"),
    path("drift/<id:drift_id>/accept/", drift.DriftAcceptView.as_view(), name="api-drift-accept"),
    path("drift/<id:drift_id>/defer/", drift.DriftDeferView.as_view(), name="api-drift-defer"),
    path("drift/<id:drift_id>/reopen/", drift.DriftReopenView.as_view(), name="api-drift-reopen"),
    path("drift/<id:drift_id>/take/", drift.DriftTakeView.as_view(), name="api-drift-take"),
    path("drift-rules/", drift.DriftRuleListView.as_view(), name="api-drift-rules"),
    path("drift-rules/<id:rule_id>/", drift.DriftRuleDetailView.as_view(), name="api-drift-rule"),
    path("compliance/", compliance.ComplianceView.as_view(), name="api-compliance"),
    path("compliance/<id:rule_id>/", compliance.ComplianceRuleView.as_view(), name="api-compliance-rule"),
]
