from django.urls import path

from changes.api import hooks, notifications, steps
from devices.api import converters  # noqa: F401 - makes <id:…> known

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
    path("hooks/", hooks.HookListView.as_view(), name="api-hook-list"),
    path("hooks/calls/", hooks.HookCallListView.as_view(), name="api-hook-calls"),
    path("hooks/<str:name>/", hooks.HookDetailView.as_view(), name="api-hook-detail"),
    path("runs/<id:run_id>/steps/", steps.StepListView.as_view(), name="api-run-steps"),
    path("changes/<id:change_id>/confirm-step/", steps.ConfirmStepView.as_view(), name="api-change-confirm-step"),
    path("changes/<id:change_id>/stop-step/", steps.StopStepView.as_view(), name="api-change-stop-step"),
]
