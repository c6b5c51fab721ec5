"""No address and no command is left out of the walk: a new one fails here until the walk calls it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.apps import apps
from django.conf import settings
from django.core.management import get_commands
from django.urls import NoReverseMatch, reverse

from tests.integration.coverage.calls import addresses, undeclared, walked
from tests.integration.coverage.test_commands import NOTHING_OF_OURS, WALKED

NOT_WALKED: Final[Mapping[str, str]] = {}
"""Addresses that the walk does not call, each with its reason."""


def test_every_address_that_may_change_something_is_walked() -> None:
    missing = addresses() - walked() - set(NOT_WALKED)
    assert not missing, (
        f"The walk does not call: {', '.join(sorted(missing))}. Call each in a test of tests/integration/coverage by"
        " `walk.act`, `walk.page` or `walk.api`, with the name of the address written out."
    )
    gone = walked() - addresses()
    assert not gone, f"The walk calls what is no address any more: {', '.join(sorted(gone))}."
    assert set(NOT_WALKED) <= addresses()


def test_every_view_says_which_methods_it_takes() -> None:
    assert not undeclared(), (
        f"These views take every method, and the walk cannot know it: {', '.join(sorted(undeclared()))}. Put"
        " `require_safe` or `require_http_methods` on top of them."
    )


def test_every_command_is_walked() -> None:
    known = set(WALKED) | set(NOTHING_OF_OURS)
    missing = set(get_commands()) - known
    assert not missing, (
        f"The walk does not know the commands {', '.join(sorted(missing))}. Call each in test_commands.py, or say in"
        " NOTHING_OF_OURS why none of them changes what matters."
    )
    gone = known - set(get_commands())
    assert not gone, f"The walk names commands that are gone: {', '.join(sorted(gone))}."


def test_there_is_no_admin_site_that_would_change_things_past_the_services() -> None:
    try:
        address = reverse("admin:index")
    except NoReverseMatch:
        address = ""
    assert not address, "The admin site is open: walk its add, change and delete pages, and let them leave events."
    assert apps.is_installed("audit")
    assert settings.ROOT_URLCONF == "portal.urls"
