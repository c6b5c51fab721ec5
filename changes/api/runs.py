from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from changes.api.narrowing import DEVICE_ROW_FILTERS, narrowed
from changes.api.presenting import shown_runs
from changes.api.run_serializers import DeviceRunSerializer, RunDetailSerializer, RunSerializer, WaveSerializer
from changes.api.run_waves import shown_waves
from changes.domain.run_states import DeviceRunState
from changes.models import Run
from changes.selectors import change_get, device_runs_of, run_get, run_progress, runs_of
from devices.api.listing import WHOLE, ListQuery, Ordering, page
from devices.api.openapi import list_parameters, refusals
from devices.services.scrubbing import Scrubber

# Device runs are created in plan order, so that their ids follow it.
IN_WAVE_ORDER = {"wave": Ordering((("wave__number", WHOLE), ("id", WHOLE)))}


class RunListView(APIView):
    """The runs of a change."""

    @extend_schema(
        operation_id="changes_runs_list",
        summary="List runs of a change",
        responses={200: RunSerializer(many=True), **refusals(404)},
    )
    def get(self, request: Request, change_id: int) -> Response:  # noqa: ARG002 - DRF's signature
        """Every execution of the change's plans, newest first."""
        context = {"scrub": Scrubber.load()}
        return Response(RunSerializer(runs_of(change_get(change_id)), many=True, context=context).data)


class RunDetailView(APIView):
    """One run."""

    @extend_schema(
        operation_id="runs_retrieve",
        summary="Follow a run",
        parameters=list_parameters(DEVICE_ROW_FILTERS, IN_WAVE_ORDER),
        responses={200: RunDetailSerializer, **refusals(400, 404)},
    )
    def get(self, request: Request, run_id: int) -> Response:
        """A run with its waves and a page of its devices; poll it until its state is `ended`."""
        return Response(_run_data(request, run_get(run_id)))


def _run_data(request: Request, run: Run) -> dict[str, object]:
    query = ListQuery.read(request, filters=tuple(DEVICE_ROW_FILTERS), orderings=IN_WAVE_ORDER)
    found = page(narrowed(device_runs_of(run), query.only(), DeviceRunState), query, IN_WAVE_ORDER)
    scrub = Scrubber.load()
    shown, context = shown_runs(found.rows, scrub), {"scrub": scrub}
    return {
        **RunSerializer(run, context=context).data,
        "progress": run_progress(run),
        "waves": WaveSerializer(shown_waves(run, scrub), many=True, context=context).data,
        "devices": DeviceRunSerializer(shown, many=True, context=context).data,
        "next": found.next(request),
    }
