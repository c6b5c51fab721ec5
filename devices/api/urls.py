from django.urls import path

from devices.api import (
    converters,  # noqa: F401 - makes <id:…> known
    host_keys,
    trust,
)
from devices.api.breakers import BreakerListView, BreakerResetView
from devices.api.credentials import CredentialListView
from devices.api.inventory import (
    ExcludedListView,
    PlatformRowView,
    PlatformTableView,
    RefusedListView,
    SourceListView,
    SourceSyncView,
    SyncRunDetailView,
    SyncRunListView,
)
from devices.api.views import DeviceConfigDetailView, DeviceConfigListView, DeviceDetailView, DeviceListView
from devices.api.webhooks import NetBoxWebhookView

urlpatterns = [
    path("breakers/", BreakerListView.as_view(), name="api-breaker-list"),
    path("breakers/<id:breaker_id>/reset/", BreakerResetView.as_view(), name="api-breaker-reset"),
    path("credentials/", CredentialListView.as_view(), name="api-credential-list"),
    path("inventory/sources/", SourceListView.as_view(), name="api-inventory-sources"),
    path("inventory/sources/<str:source>/sync/", SourceSyncView.as_view(), name="api-inventory-sync"),
    path("inventory/runs/", SyncRunListView.as_view(), name="api-inventory-runs"),
    path("inventory/runs/<id:sync_id>/", SyncRunDetailView.as_view(), name="api-inventory-run"),
    path("inventory/excluded/", ExcludedListView.as_view(), name="api-inventory-excluded"),
    path("inventory/refused/", RefusedListView.as_view(), name="api-inventory-refused"),
    path("inventory/platforms/", PlatformTableView.as_view(), name="api-inventory-platforms"),
    path("inventory/platforms/<id:mapping_id>/", PlatformRowView.as_view(), name="api-inventory-platform"),
    path("inventory/netbox/webhook/", NetBoxWebhookView.as_view(), name="api-inventory-webhook"),
    path("devices/", DeviceListView.as_view(), name="api-device-list"),
    path("devices/<id:device_id>/", DeviceDetailView.as_view(), name="api-device-detail"),
    path("devices/<id:device_id>/configs/", DeviceConfigListView.as_view(), name="api-device-configs"),
    path(
        "devices/<id:device_id>/configs/<id:snapshot_id>/",
        DeviceConfigDetailView.as_view(),
        name="api-device-config",
    ),
    path("devices/<id:device_id>/identity/", trust.DeviceIdentityView.as_view(), name="api-device-identity"),
    path("devices/<id:device_id>/host-keys/", host_keys.HostKeyConfirmView.as_view(), name="api-host-key-confirm"),
    path("devices/<id:device_id>/host-keys/read/", host_keys.HostKeyReadView.as_view(), name="api-host-key-read"),
    path("host-keys/import/", host_keys.HostKeyImportView.as_view(), name="api-host-key-import"),
    path("host-keys/<id:host_key_id>/revoke/", host_keys.HostKeyRevokeView.as_view(), name="api-host-key-revoke"),
    path("host-key-alerts/", host_keys.HostKeyAlertListView.as_view(), name="api-host-key-alerts"),
    path(
        "host-key-alerts/<id:alert_id>/acknowledge/",
        host_keys.HostKeyAlertAcknowledgeView.as_view(),
        name="api-host-key-alert-acknowledge",
    ),
    path("trust/", trust.TrustView.as_view(), name="api-trust"),
    path("reconciliation/", trust.ReconciliationView.as_view(), name="api-reconciliation"),
]
