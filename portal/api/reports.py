"""A report as PDF, by the API."""

from __future__ import annotations

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from devices.api.openapi import refusals
from portal.pdf.reports import report_pdf


class ReportPdfView(APIView):
    """The same document on paper."""

    @extend_schema(
        operation_id="reports_pdf",
        summary="Retrieve a report as PDF",
        responses={(200, "application/pdf"): OpenApiTypes.BINARY, **refusals(404, 409, 503)},
    )
    def get(self, request: Request, report_id: int) -> HttpResponse:  # noqa: ARG002 - DRF's signature
        """Made when it is asked for, from the stored document alone; 503 while others are made or where none can be."""
        data, name = report_pdf(report_id)
        answer = HttpResponse(data, content_type="application/pdf")
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
        return answer
