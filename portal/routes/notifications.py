from django.urls import URLPattern, path

from portal.views import hooks, notifications

urlpatterns: list[URLPattern] = [
    path("notifications/", notifications.notification_list, name="notification-list"),
    path("notifications/<int:notification_id>/", notifications.notification_open, name="notification-open"),
    path("notifications/read/", notifications.notification_read_all, name="notification-read-all"),
    path("account/notifications/", notifications.notification_preferences, name="notification-preferences"),
    path("account/notifications/webhook/", notifications.notification_webhook, name="notification-webhook"),
    path("account/notifications/test/", notifications.notification_send_test, name="notification-test"),
    path("hooks/", hooks.hook_list, name="hook-list"),
    path("hooks/<str:name>/", hooks.hook_switch, name="hook-switch"),
]
