"""Legal holds and periods of retention, through the page and through the API."""

from __future__ import annotations

from audit.models import LegalHold
from tests.factories import PersonFactory
from tests.integration.coverage.walking import WHY, Walk, ids
from tests.sealing import seal_what_waits


def test_holds(walk: Walk) -> None:
    first, second = walk.cast.auditor, PersonFactory.create(username="second auditor", roles=["auditor"])
    walk.act(first, "hold-new", {"matter": "Case 7", "reason": WHY, "since": "2026-01-01"}, api="api-audit-holds")
    one = ids(hold_id=LegalHold.objects.get().pk)
    why = {"reason": WHY, "comment": WHY} if walk.door == "page" else {"reason": WHY}
    walk.act(first, "hold-propose", why, api="api-audit-hold-propose-release", **one)
    walk.act(second, "hold-decline", why, api="api-audit-hold-decline-release", **one)
    walk.act(first, "hold-propose", why, api="api-audit-hold-propose-release", **one)
    seal_what_waits()
    walk.act(second, "hold-release", api="api-audit-hold-release", **one)


def test_periods(walk: Walk) -> None:
    admin = PersonFactory.create(username="keeper", roles=["administrator"])
    if walk.door == "page":
        walk.page(admin, "retention-period", {"retention_class": "normal", "days": "500", "reason": WHY})
    else:
        given = {"days": 500, "reason": WHY}
        walk.api(admin, "api-audit-retention-period", given, method="PUT", retention_class="normal")
