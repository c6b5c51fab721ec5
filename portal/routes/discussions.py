from django.urls import URLPattern, path

from portal.views import discussions

_THREAD = "changes/<int:change_id>/discussion/<int:thread_id>/"

urlpatterns: list[URLPattern] = [
    path("changes/<int:change_id>/discussion/", discussions.change_discussion, name="change-discussion"),
    path("changes/<int:change_id>/discussion/new/", discussions.thread_new, name="thread-new"),
    path(f"{_THREAD}reply/", discussions.thread_reply, name="thread-reply"),
    path(f"{_THREAD}resolve/", discussions.thread_resolve, name="thread-resolve"),
    path(f"{_THREAD}reopen/", discussions.thread_reopen, name="thread-reopen"),
]
