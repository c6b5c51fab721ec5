from django.urls import URLPattern, path

from portal.views import meetings

_MEETING = "meetings/<int:meeting_id>/"

urlpatterns: list[URLPattern] = [
    path("meetings/", meetings.meeting_list, name="meeting-list"),
    path("meetings/plan/", meetings.meeting_plan, name="meeting-plan"),
    path(_MEETING, meetings.meeting_detail, name="meeting-detail"),
    path(f"{_MEETING}edit/", meetings.meeting_edit, name="meeting-edit"),
    path(f"{_MEETING}refresh/", meetings.meeting_refresh, name="meeting-refresh"),
    path(f"{_MEETING}points/", meetings.meeting_point_add, name="meeting-point-add"),
    path(f"{_MEETING}points/<int:item_id>/remove/", meetings.meeting_point_remove, name="meeting-point-remove"),
    path(f"{_MEETING}points/<int:item_id>/minutes/", meetings.meeting_minute, name="meeting-minute"),
    path(f"{_MEETING}open/", meetings.meeting_open, name="meeting-open"),
    path(f"{_MEETING}attendance/", meetings.meeting_attendance, name="meeting-attendance"),
    path(f"{_MEETING}cancel/", meetings.meeting_cancel, name="meeting-cancel"),
    path(f"{_MEETING}meeting.pdf", meetings.meeting_pdf, name="meeting-pdf"),
    path(f"{_MEETING}close/", meetings.meeting_close, name="meeting-close"),
]
