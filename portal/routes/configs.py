from django.urls import URLPattern, path

from portal.views import backups, compliance, config_history, drift, drift_rules

_CONFIG = "devices/<int:device_id>/configs/"

urlpatterns: list[URLPattern] = [
    path(_CONFIG, config_history.device_configs, name="device-configs"),
    path(f"{_CONFIG}<int:snapshot_id>/text/", config_history.device_config_text, name="device-config-text"),
    path(f"{_CONFIG}<int:snapshot_id>/raw/", config_history.device_config_raw, name="device-config-raw"),
    path("drift/", drift.drift_list, name="drift-list"),
    path("drift/rules/", drift_rules.drift_rules, name="drift-rules"),
    path("drift/rules/new/", drift_rules.drift_rule, name="drift-rule-new"),
    path("drift/rules/<int:rule_id>/", drift_rules.drift_rule, name="drift-rule"),
    path("drift/rules/<int:rule_id>/remove/", drift_rules.drift_rule_remove, name="drift-rule-remove"),
    path("drift/<int:drift_id>/", drift.drift_detail, name="drift-detail"),
    path("drift/<int:drift_id>/accept/", drift.drift_accept, name="drift-accept"),
    path("drift/<int:drift_id>/defer/", drift.drift_defer, name="drift-defer"),
    path("drift/<int:drift_id>/reopen/", drift.drift_reopen, name="drift-reopen"),
    path("drift/<int:drift_id>/take/", drift.drift_take, name="drift-take"),
    path("drift/<int:drift_id>/revert/", drift.drift_revert_page, name="drift-revert"),
    path("backups/", backups.backup_list, name="backup-list"),
    path("backups/start/", backups.backup_begin, name="backup-begin"),
    path("backups/<int:run_id>/", backups.backup_detail, name="backup-detail"),
    path("backups/suspects/<int:suspect_id>/", backups.suspect_judge, name="backup-suspect"),
    path("compliance/", compliance.compliance, name="compliance"),
    path("compliance/rules/new/", compliance.compliance_rule, name="compliance-rule-new"),
    path("compliance/rules/<int:rule_id>/", compliance.compliance_rule, name="compliance-rule"),
    path("compliance/rules/<int:rule_id>/devices/", compliance.compliance_rule_results, name="compliance-rule-results"),
    path("compliance/rules/<int:rule_id>/remove/", compliance.compliance_rule_remove, name="compliance-rule-remove"),
]
