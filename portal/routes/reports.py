from django.urls import URLPattern, path

from portal.views import kpis, reports, review_lists, reviews

_REVIEW = "changes/<int:change_id>/review/"
_ACTION = "review-actions/<int:action_id>/"

urlpatterns: list[URLPattern] = [
    path(_REVIEW, reviews.change_review, name="change-review"),
    path(f"{_REVIEW}write/", reviews.review_write, name="change-review-write"),
    path(f"{_REVIEW}return/", reviews.review_return, name="change-review-return"),
    path(f"{_REVIEW}accept/", reviews.review_accept, name="change-review-accept"),
    path(f"{_REVIEW}actions/", reviews.review_action_add, name="change-review-action-add"),
    path("reviews/", review_lists.review_list, name="review-list"),
    path("review-actions/", review_lists.action_list, name="review-actions"),
    path(_ACTION, review_lists.action_detail, name="review-action"),
    path(f"{_ACTION}done/", review_lists.action_done, name="review-action-done"),
    path(f"{_ACTION}drop/", review_lists.action_drop, name="review-action-drop"),
    path(f"{_ACTION}move/", review_lists.action_move, name="review-action-move"),
    path("figures/", kpis.kpi_page, name="kpi"),
    path("figures/<slug:key>/", kpis.kpi_changes, name="kpi-changes"),
    path("reports/", reports.report_list, name="report-list"),
    path("reports/make/", reports.report_make, name="report-make"),
    path("reports/<int:report_id>/", reports.report_detail, name="report-detail"),
    path("reports/<int:report_id>/report.pdf", reports.report_pdf, name="report-pdf"),
]
