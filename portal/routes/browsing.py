from django.urls import URLPattern, path

from portal.views.account import account, account_token_create, account_token_revoke
from portal.views.change_form import change_create_page, change_edit_page
from portal.views.change_list import change_list
from portal.views.change_preview import change_preview_page, change_targets
from portal.views.inbox import inbox, inbox_together

urlpatterns: list[URLPattern] = [
    path("", inbox, name="inbox"),
    path("inbox/together/", inbox_together, name="inbox-together"),
    path("account/", account, name="account"),
    path("account/tokens/", account_token_create, name="account-token-create"),
    path("account/tokens/<uuid:token_id>/revoke/", account_token_revoke, name="account-token-revoke"),
    path("changes/", change_list, name="change-list"),
    path("changes/new/", change_create_page, name="change-create"),
    path("changes/targets/", change_targets, name="change-targets"),
    path("changes/preview/", change_preview_page, name="change-preview"),
    path("changes/<int:change_id>/edit/", change_edit_page, name="change-edit"),
]
