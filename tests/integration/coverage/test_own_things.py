"""What people do about their own account, and what they do with the log."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from audit.models import Checkpoint, Event, SavedSearch
from audit.models.redaction import Opening, Redaction
from changes.domain.notifications import Topic
from changes.models import Notification
from changes.services.notifying import notify
from portal.models import ApiToken, CalendarFeed
from tests.factories import DeviceFactory, PersonFactory, draft
from tests.integration.coverage.walking import WHY, Walk, ids
from tests.integration.hooks.conftest import hooks, package
from tests.integration.pages.change_form import filled
from tests.sealing import seal_what_waits

__all__ = ["hooks", "package"]


def test_tokens_and_feeds(walk: Walk) -> None:
    who = walk.cast.peer
    if walk.door == "page":
        walk.page(who, "account-token-create", {"name": "x", "expires_in_days": "30", "once": "a"}, refuse=False)
        walk.page(who, "account-token-revoke", token_id=ApiToken.objects.get().public_id)
        walk.page(who, "calendar-feed-make", {"name": "x", "once": "a"}, refuse=False)
        walk.page(who, "calendar-feed-revoke", feed_id=CalendarFeed.objects.get().public_id)
    else:
        walk.api(who, "api-token-list", {"name": "x"}, refuse=False)
        walk.api(who, "api-token-detail", method="DELETE", token_id=ApiToken.objects.get().public_id)
        walk.api(who, "api-calendar-feed-list", {"name": "x"}, refuse=False)
        walk.api(who, "api-calendar-feed-detail", method="DELETE", feed_id=CalendarFeed.objects.get().public_id)


def test_notifications(walk: Walk) -> None:
    who = walk.cast.peer
    notify(Topic.APPROVAL_WAITS, people=[who.pk], subject="CHG-00007 waits", sentence="Read it.", path="/changes/")
    assert Notification.objects.exists()
    address = "https://hooks.example.net/services/T0KEN"
    if walk.door == "page":
        walk.page(who, "notification-read-all", quiet=True, refuse=False)
        choices = {"digest": "daily", "digest_hour": "7", "decided.email": "on"}
        walk.page(who, "notification-preferences", choices, refuse=False)
        walk.page(who, "notification-webhook", {"url": address}, refuse=False)
        walk.page(who, "notification-webhook", {"do": "remove"}, refuse=False)
        walk.page(who, "notification-test", quiet=True, refuse=False)
        walk.page(who, "preference-set", {"theme": "dark"}, quiet=True, refuse=False)
        walk.page(who, "calendar-zone", {"zone": "Asia/Tokyo"}, quiet=True, refuse=False)
        walk.page(who, "change-targets", {"by": "filter", "site": "FRA"}, quiet=True, refuse=False)
        walk.page(
            walk.cast.author,
            "change-preview",
            filled(preview_device=str(DeviceFactory.create().pk)),
            quiet=True,
            refuse=False,
        )
    else:
        walk.api(who, "api-notification-read", quiet=True, refuse=False)
        walk.api(
            who, "api-notification-preferences", {"topics": {"decided": {"email": True}}}, method="PATCH", refuse=False
        )
        walk.api(who, "api-notification-webhook", {"url": address}, method="PUT", refuse=False)
        walk.api(who, "api-notification-webhook", method="DELETE", refuse=False)
        walk.api(who, "api-notification-test", quiet=True, refuse=False)


def test_hooks(admin_walk: Walk, hooks: Path) -> None:
    walk, admin = admin_walk, admin_walk.cast.superuser
    assert hooks.exists()
    walk.act(
        admin, "hook-switch", {"enabled": True, "time_limit_s": 5}, form={"enabled": "on", "time_limit_s": "5"},
        api="api-hook-detail", api_method="PATCH", name="watcher",
    )  # fmt: skip


def test_searches(walk: Walk) -> None:
    who = walk.cast.auditor
    walk.act(
        who, "audit-searches", {"name": "Stale", "query": {"code": "PLAN_STALE"}, "shared": True},
        form={"name": "Stale", "filter-code": "PLAN_STALE", "shared": "on"},
    )  # fmt: skip
    one = ids(search_id=SavedSearch.objects.get().pk)
    if walk.door == "page":
        walk.page(who, "audit-search-change", {"name": "Old", "shared": "on"}, **one)
        walk.page(who, "audit-search-delete", **one)
    else:
        walk.api(who, "api-audit-search", {"name": "Old"}, method="PATCH", **one)
        walk.api(who, "api-audit-search", method="DELETE", **one)


def test_checkpoints(walk: Walk, seal: Callable[[], int]) -> None:
    seal()
    kept = {"checkpoint": Checkpoint.objects.latest("tree_size").note}
    walk.act(walk.cast.auditor, "audit-checkpoint-compare", kept)


def test_evidence(walk: Walk) -> None:
    who = walk.cast.auditor
    walk.act(
        who, "evidence-make", {"scope": "filter", "filters": {"actor": "auditor"}},
        form={"scope": "filter", "actor": "auditor"}, api="api-evidence-list",
    )  # fmt: skip


def test_redactions(walk: Walk) -> None:
    cast = walk.cast
    second = PersonFactory.create(username="second auditor", roles=["auditor"])
    change = draft(cast.author, reason="Ask Mrs Muster.")
    event = Event.objects.filter(change_id=change.pk).latest("id")
    path = Opening.objects.filter(event_id=event.pk).first()
    assert path, "the event holds a text of a person"
    body = {"paths": [path.path], "reason": WHY}
    for _ in range(2):
        if walk.door == "page":
            walk.page(cast.auditor, "audit-redact", body, event_id=event.pk)
        else:
            walk.api(cast.auditor, "api-audit-redactions", {**body, "event": event.pk})
        found = ids(redaction_id=Redaction.objects.latest("pk").pk)
        if Redaction.objects.count() == 1:
            walk.act(second, "audit-redaction-decline", {"comment": WHY}, **found)
    seal_what_waits()
    walk.act(second, "audit-redaction-carry-out", {"comment": WHY}, **found)
