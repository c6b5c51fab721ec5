from django.urls import path

from devices.api import converters  # noqa: F401 - makes <id:…> known
from devices.api.views import DeviceConfigDetailView, DeviceConfigListView, DeviceDetailView, DeviceListView

urlpatterns = [
    path("devices/", DeviceListView.as_view(), name="api-device-list"),
    path("devices/<id:device_id>/", DeviceDetailView.as_view(), name="api-device-detail"),
    path("devices/<id:device_id>/configs/", DeviceConfigListView.as_view(), name="api-device-configs"),
    path(
        "devices/<id:device_id>/configs/<id:snapshot_id>/",
        DeviceConfigDetailView.as_view(),
        name="api-device-config",
    ),
]
