from django.urls import URLPattern, path

from portal.views import exceptions, host_keys, ladder, trust

urlpatterns: list[URLPattern] = [
    path("changes/<int:change_id>/plan/<int:position>/gates/", ladder.plan_gates, name="plan-gates"),
    path("devices/trust/", trust.trust, name="device-trust"),
    path("devices/trust/edit/", trust.trust_edit, name="device-trust-edit"),
    path("devices/reconciliation/", trust.reconciliation, name="device-reconciliation"),
    path("devices/host-keys/import/", host_keys.key_import, name="device-host-key-import"),
    path("devices/host-keys/alerts/", host_keys.alert_list, name="device-host-key-alerts"),
    path(
        "devices/host-keys/alerts/<int:alert_id>/acknowledge/",
        host_keys.alert_acknowledge,
        name="device-host-key-alert",
    ),
    path("devices/<int:device_id>/host-keys/", host_keys.device_keys, name="device-host-keys"),
    path("devices/<int:device_id>/host-keys/read/", host_keys.key_read, name="device-host-key-read"),
    path(
        "devices/<int:device_id>/host-keys/offered/<int:offer_id>/confirm/",
        host_keys.key_confirm,
        name="device-host-key-confirm",
    ),
    path(
        "devices/<int:device_id>/host-keys/<int:host_key_id>/revoke/",
        host_keys.key_revoke,
        name="device-host-key-revoke",
    ),
    path("exceptions/", exceptions.exception_list, name="change-exceptions"),
    path("exceptions/new/", exceptions.exception_new, name="change-exception-new"),
    path("exceptions/<int:exception_id>/", exceptions.exception_detail, name="change-exception-detail"),
    path("exceptions/<int:exception_id>/approve/", exceptions.exception_approve, name="change-exception-approve"),
    path("exceptions/<int:exception_id>/reject/", exceptions.exception_reject, name="change-exception-reject"),
    path("exceptions/<int:exception_id>/revoke/", exceptions.exception_revoke, name="change-exception-revoke"),
]
