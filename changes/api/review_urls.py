from django.urls import path

from changes.api import reports, reviews
from devices.api import converters  # noqa: F401 - makes <id:…> known

_REVIEW = "changes/<id:change_id>/review/"
_ACTION = "review-actions/<id:action_id>/"

urlpatterns = [
    path("reviews/", reviews.ReviewListView.as_view(), name="api-review-list"),
    path(_REVIEW, reviews.ReviewView.as_view(), name="api-change-review"),
    path(f"{_REVIEW}submit/", reviews.ReviewSubmitView.as_view(), name="api-change-review-submit"),
    path(f"{_REVIEW}return/", reviews.ReviewReturnView.as_view(), name="api-change-review-return"),
    path(f"{_REVIEW}accept/", reviews.ReviewAcceptView.as_view(), name="api-change-review-accept"),
    path(f"{_REVIEW}actions/", reviews.ReviewActionsView.as_view(), name="api-change-review-actions"),
    path("reports/", reports.ReportListView.as_view(), name="api-report-list"),
    path("reports/<id:report_id>/", reports.ReportDetailView.as_view(), name="api-report-detail"),
    path("kpis/", reports.KpiView.as_view(), name="api-kpis"),
    path("kpis/<slug:key>/changes/", reports.KpiChangesView.as_view(), name="api-kpi-changes"),
    path("review-actions/", reviews.ActionListView.as_view(), name="api-review-action-list"),
    path(f"{_ACTION}done/", reviews.ActionDoneView.as_view(), name="api-review-action-done"),
    path(f"{_ACTION}drop/", reviews.ActionDropView.as_view(), name="api-review-action-drop"),
    path(f"{_ACTION}move/", reviews.ActionMoveView.as_view(), name="api-review-action-move"),
]
