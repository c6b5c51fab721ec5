from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from devices.api.listing import TEXT, WHOLE, ListQuery, Ordering, page
from devices.api.openapi import list_parameters, page_of, refusals
from devices.api.serializers import (
    DeviceDetailSerializer,
    DeviceSerializer,
    SnapshotSerializer,
    SnapshotTextSerializer,
)
from devices.models import ConfigSnapshot, Device
from devices.selectors import DEVICE_FILTERS, devices_matching, snapshots_of
from devices.services.scrubbing import Scrubber

_BY_NAME = (("name", TEXT), ("id", WHOLE))
_BY_ID = (("id", WHOLE),)
DEVICE_ORDERINGS = {
    "name": Ordering(_BY_NAME),
    "-name": Ordering(_BY_NAME, descending=True),
    "id": Ordering(_BY_ID),
    "-id": Ordering(_BY_ID, descending=True),
}
NEWEST_FIRST = {"-id": Ordering(_BY_ID, descending=True)}

_FILTERS = {
    "name": "The name; `*` stands for any characters. Case does not matter.",
    "site": "The site.",
    "role": "The role.",
    "platform": "The platform, such as `cisco_ios`.",
    "status": "`active`, `inactive`, `maintenance`, `decommissioned` or `missing`.",
    "source": "The inventory source.",
    "tag": "A tag.",
}


def existing_device(device_id: int) -> Device:
    """The device.

    Raises:
        NotFound: there is none with this id.
    """
    device = Device.objects.filter(pk=device_id).first()
    if device is None:
        raise NotFound(f"There is no device with the id {device_id}.")
    return device


class DeviceListView(APIView):
    """The inventory."""

    @extend_schema(
        operation_id="devices_list",
        summary="List devices",
        parameters=list_parameters(_FILTERS, DEVICE_ORDERINGS, repeatable=True),
        responses={200: page_of("DevicePage", DeviceSerializer), **refusals(400)},
    )
    def get(self, request: Request) -> Response:
        """Devices that satisfy all filters given, by name."""
        query = ListQuery.read(request, filters=DEVICE_FILTERS, orderings=DEVICE_ORDERINGS, repeatable=True)
        found = page(devices_matching(query.filters), query, DEVICE_ORDERINGS)
        return found.response(request, DeviceSerializer(found.rows, many=True).data)


class DeviceDetailView(APIView):
    """One device."""

    @extend_schema(
        operation_id="devices_retrieve",
        summary="Retrieve a device",
        responses={200: DeviceDetailSerializer, **refusals(404)},
    )
    def get(self, request: Request, device_id: int) -> Response:  # noqa: ARG002 - DRF's signature
        """One device with its host keys and its newest snapshot."""
        device = existing_device(device_id)
        context = {"latest": snapshots_of(device.pk).first()}
        return Response(DeviceDetailSerializer(device, context=context).data)


class DeviceConfigListView(APIView):
    """A device's configurations."""

    @extend_schema(
        operation_id="devices_configs_list",
        summary="List a device's configurations",
        parameters=list_parameters({}, NEWEST_FIRST),
        responses={200: page_of("SnapshotPage", SnapshotSerializer), **refusals(400, 404)},
    )
    def get(self, request: Request, device_id: int) -> Response:
        """What was read from the device and when, newest first, without the texts."""
        device = existing_device(device_id)
        query = ListQuery.read(request, orderings=NEWEST_FIRST)
        found = page(snapshots_of(device.pk), query, NEWEST_FIRST)
        return found.response(request, SnapshotSerializer(found.rows, many=True).data)


class DeviceConfigDetailView(APIView):
    """One configuration."""

    @extend_schema(
        operation_id="devices_configs_retrieve",
        summary="Retrieve a configuration",
        responses={200: SnapshotTextSerializer, **refusals(404)},
    )
    def get(self, request: Request, device_id: int, snapshot_id: int) -> Response:  # noqa: ARG002 - DRF's signature
        """A configuration with its text. Secrets are masked; equal secrets have equal masks."""
        snapshot = ConfigSnapshot.objects.filter(device_id=device_id, pk=snapshot_id).select_related("blob").first()
        if snapshot is None:
            raise NotFound(f"The device {device_id} has no configuration with the id {snapshot_id}.")
        return Response(SnapshotTextSerializer(snapshot, context={"scrub": Scrubber.load()}).data)
