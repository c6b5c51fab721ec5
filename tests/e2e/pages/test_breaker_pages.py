"""The circuit breakers in a browser: why devices are held back, and closing one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from devices.models import CircuitBreaker
from tests.e2e.pages.conftest import Comes
from tests.factories import Cast, PersonFactory

pytestmark = pytest.mark.e2e


def test_an_administrator_reads_why_devices_wait_and_closes_the_breaker(comes: Comes, cast: Cast) -> None:
    now = timezone.now()
    for kind, name, state, failures, code in (
        ("credential", "access-rw", "open", 3, "PRECHECK_AUTH_FAILED"),
        ("site", "fra", "closed", 2, "PRECHECK_UNREACHABLE"),
    ):
        CircuitBreaker.objects.create(
            kind=kind, name=name, state=state, failures=failures, last_code=code, last_subject="fra-acc-07",
            opened_at=now if state == "open" else None,
            open_until=now + timedelta(hours=1) if state == "open" else None,
        )  # fmt: skip
    admin = comes(PersonFactory.create(username="root", roles=["administrator"]))
    admin.goes("/credentials/")
    admin.looks("credentials-held-back")
    admin.clicks("link", "Circuit breakers")
    admin.looks("breakers")
    admin.page.get_by_label("What was repaired").first.fill("The password was changed on the servers.")
    admin.page.get_by_role("button", name="Close this breaker").first.click()
    admin.page.get_by_text("Closed. The next attempts show").wait_for()
    assert CircuitBreaker.objects.get(name="access-rw").state == "closed"
