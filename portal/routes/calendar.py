from django.urls import URLPattern, path

from portal.views import calendar, calendar_feed, calendar_windows, scheduling

urlpatterns: list[URLPattern] = [
    path("calendar/", calendar.calendar, name="calendar"),
    path("calendar/zone/", calendar.calendar_zone, name="calendar-zone"),
    path("calendar/windows/", calendar_windows.windows, name="calendar-windows"),
    path("calendar/windows/declare/", calendar_windows.window_declare, name="calendar-window-declare"),
    path("calendar/windows/<int:window_id>/", calendar_windows.window, name="calendar-window"),
    path("calendar/windows/<int:window_id>/lift/", calendar_windows.window_lift, name="calendar-window-lift"),
    path("calendar/feeds/", calendar_feed.feeds, name="calendar-feeds"),
    path("calendar/feeds/make/", calendar_feed.feed_make, name="calendar-feed-make"),
    path("calendar/feeds/<uuid:feed_id>/revoke/", calendar_feed.feed_revoke, name="calendar-feed-revoke"),
    path("calendar/feed/<str:token>.ics", calendar_feed.feed, name="calendar-feed"),
    path("changes/<int:change_id>/schedule/", scheduling.change_schedule, name="change-schedule"),
    path("changes/<int:change_id>/waive/", scheduling.conflicts_waive, name="change-waive"),
    path("changes/<int:change_id>/start-by-itself/", scheduling.start_ask, name="change-start-ask"),
    path("changes/<int:change_id>/start-by-itself/call-off/", scheduling.start_call_off, name="change-start-call-off"),
]
