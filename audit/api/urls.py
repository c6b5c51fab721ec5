from django.urls import path

from audit.api.search_views import SavedSearchDetailView, SavedSearchListView
from audit.api.views import EventDetailView, EventListView, ExportView

urlpatterns = [
    path("audit/events/", EventListView.as_view(), name="api-audit-events"),
    path("audit/events/<int:event_id>/", EventDetailView.as_view(), name="api-audit-event"),
    path("audit/searches/", SavedSearchListView.as_view(), name="api-audit-searches"),
    path("audit/searches/<int:search_id>/", SavedSearchDetailView.as_view(), name="api-audit-search"),
    path("audit/export/", ExportView.as_view(), name="api-audit-export"),
]
