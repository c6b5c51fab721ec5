from django.urls import URLPattern, path

from portal.views import inventory

urlpatterns: list[URLPattern] = [
    path("", inventory.inventory_page, name="inventory-list"),
    path("platforms/", inventory.platform_page, name="inventory-platforms"),
    path("platforms/set/", inventory.platform_set, name="inventory-platform-set"),
    path("platforms/<int:mapping_id>/remove/", inventory.platform_remove, name="inventory-platform-remove"),
    path("journal/retry/", inventory.journal_retry_all, name="inventory-journal-retry"),
    path("<str:source>/sync/", inventory.source_sync, name="inventory-sync"),
]
