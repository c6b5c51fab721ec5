from django.urls import path

from audit.api.views import EventDetailView, EventListView, ExportView

urlpatterns = [
    path("audit/events/", EventListView.as_view(), name="api-audit-events"),
    path("audit/events/<int:event_id>/", EventDetailView.as_view(), name="api-audit-event"),
    path("audit/export/", ExportView.as_view(), name="api-audit-export"),
]
