from django.urls import include, path, re_path

from devices.api import converters  # noqa: F401 - makes <id:…> known
from portal.api.feeds import FeedDetailView, FeedListView
from portal.api.reports import ReportPdfView
from portal.api.schema import DocumentationView, SchemaView
from portal.api.tokens import TokenDetailView, TokenListView
from portal.api.unknown import UnknownAddressView

urlpatterns = [
    path("schema/", SchemaView.as_view(), name="api-schema"),
    path("docs/", DocumentationView.as_view(), name="api-docs"),
    path("v1/", include("devices.api.urls")),
    path("v1/", include("devices.api.config_urls")),
    path("v1/", include("changes.api.urls")),
    path("v1/", include("changes.api.approval_urls")),
    path("v1/", include("changes.api.policy_urls")),
    path("v1/", include("changes.api.review_urls")),
    path("v1/", include("changes.api.outbound_urls")),
    path("v1/", include("audit.api.urls")),
    path("v1/reports/<id:report_id>/pdf/", ReportPdfView.as_view(), name="api-report-pdf"),
    path("v1/calendar/feeds/", FeedListView.as_view(), name="api-calendar-feed-list"),
    path("v1/calendar/feeds/<uuid:feed_id>/", FeedDetailView.as_view(), name="api-calendar-feed-detail"),
    path("v1/tokens/", TokenListView.as_view(), name="api-token-list"),
    path("v1/tokens/<uuid:token_id>/", TokenDetailView.as_view(), name="api-token-detail"),
    # Last: whatever else is asked for gets an answer in the API's own shape.
    re_path("", UnknownAddressView.as_view(), name="api-unknown"),
]
