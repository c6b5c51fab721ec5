from django.urls import path

from changes.api import notifications

urlpatterns = [
    path("notifications/", notifications.NotificationListView.as_view(), name="api-notification-list"),
    path("notifications/read/", notifications.NotificationReadView.as_view(), name="api-notification-read"),
    path("notifications/test/", notifications.NotificationTestView.as_view(), name="api-notification-test"),
    path(
        "notifications/preferences/",
        notifications.NotificationPreferencesView.as_view(),
        name="api-notification-preferences",
    ),
    path("notifications/webhook/", notifications.NotificationWebhookView.as_view(), name="api-notification-webhook"),
]
