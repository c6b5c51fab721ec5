"""Who may read the whole log."""

from typing import Final

from django.contrib.auth import get_user_model

READERS: Final = ("auditor", "administrator", "change-manager")
"""The roles (groups) that see every event. Being a superuser is not one of them."""


def reads_log(user_id: int | None) -> bool:
    """Whether this account is active and holds one of the roles; one query."""
    people = get_user_model().objects.filter(pk=user_id or 0, is_active=True, groups__name__in=READERS)
    return people.exists()
