from django.urls import path

from audit.api.checkpoint_views import CheckpointCompareView, CheckpointFileView, NewestCheckpointView
from audit.api.redaction_views import (
    RedactionCarryOutView,
    RedactionDeclineView,
    RedactionDetailView,
    RedactionListView,
)
from audit.api.retention_views import (
    ArchiveListView,
    HoldDeclineReleaseView,
    HoldDetailView,
    HoldListView,
    HoldProposeReleaseView,
    HoldReleaseView,
    PeriodDetailView,
    PeriodListView,
    RetrievalTestDetailView,
    RetrievalTestListView,
)
from audit.api.search_views import SavedSearchDetailView, SavedSearchListView
from audit.api.views import EventDetailView, EventListView, ExportView

urlpatterns = [
    path("audit/events/", EventListView.as_view(), name="api-audit-events"),
    path("audit/events/<int:event_id>/", EventDetailView.as_view(), name="api-audit-event"),
    path("audit/checkpoints/newest/", NewestCheckpointView.as_view(), name="api-audit-checkpoint-newest"),
    path("audit/checkpoints/compare/", CheckpointCompareView.as_view(), name="api-audit-checkpoint-compare"),
    path("audit/checkpoints/<int:size>/", CheckpointFileView.as_view(), name="api-audit-checkpoint"),
    path("audit/searches/", SavedSearchListView.as_view(), name="api-audit-searches"),
    path("audit/searches/<int:search_id>/", SavedSearchDetailView.as_view(), name="api-audit-search"),
    path("audit/redactions/", RedactionListView.as_view(), name="api-audit-redactions"),
    path("audit/redactions/<int:redaction_id>/", RedactionDetailView.as_view(), name="api-audit-redaction"),
    path(
        "audit/redactions/<int:redaction_id>/carry-out/",
        RedactionCarryOutView.as_view(),
        name="api-audit-redaction-carry-out",
    ),
    path(
        "audit/redactions/<int:redaction_id>/decline/",
        RedactionDeclineView.as_view(),
        name="api-audit-redaction-decline",
    ),
    path("audit/holds/", HoldListView.as_view(), name="api-audit-holds"),
    path("audit/holds/<int:hold_id>/", HoldDetailView.as_view(), name="api-audit-hold"),
    path(
        "audit/holds/<int:hold_id>/propose-release/",
        HoldProposeReleaseView.as_view(),
        name="api-audit-hold-propose-release",
    ),
    path(
        "audit/holds/<int:hold_id>/decline-release/",
        HoldDeclineReleaseView.as_view(),
        name="api-audit-hold-decline-release",
    ),
    path("audit/holds/<int:hold_id>/release/", HoldReleaseView.as_view(), name="api-audit-hold-release"),
    path("audit/retention/", PeriodListView.as_view(), name="api-audit-retention"),
    path("audit/retention/<str:retention_class>/", PeriodDetailView.as_view(), name="api-audit-retention-period"),
    path("audit/archives/", ArchiveListView.as_view(), name="api-audit-archives"),
    path("audit/retrieval-tests/", RetrievalTestListView.as_view(), name="api-audit-retrieval-tests"),
    path("audit/retrieval-tests/<int:test_id>/", RetrievalTestDetailView.as_view(), name="api-audit-retrieval-test"),
    path("audit/export/", ExportView.as_view(), name="api-audit-export"),
]
