"""Looking changes nothing: every page and every address that is read, in a world where there is something to see."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.test import Client
from django.urls import NoReverseMatch, reverse
from rest_framework.test import APIClient

from audit.actor import Actor
from audit.models import Checkpoint, Event
from audit.saved_searches import saved_search_create
from changes.domain.evidence import PackScope
from changes.domain.notifications import Topic
from changes.models import ApprovalPolicyVersion
from changes.services.evidence.asking import pack_ask
from changes.services.notifying import notify
from devices.models import CircuitBreaker, ConfigBlob, PlatformMapping, SuspectConfig, SyncRun
from devices.services.inventory import inventory_sync
from devices.sources.records import Inventory
from portal.feeds import feed_create
from portal.pdf import libraries
from tests.factories import Cast, DeviceFactory, PersonFactory, actor, carried_out, draft, ready_plan, started
from tests.integration.api.test_shapes import World
from tests.integration.coverage.calls import reading
from tests.integration.coverage.noting import Notes
from tests.integration.coverage.walking import Walk
from tests.sealing import seal_what_waits

ELSEWHERE = {
    "api-unknown": "It answers every address that there is not.",
    "api-device-config-raw": "It is read by a POST, with a reason; the walk of devices does.",
}


@pytest.fixture
def world(notes: Notes, monkeypatch: pytest.MonkeyPatch) -> tuple[Walk, World, dict[str, object]]:
    monkeypatch.setattr(libraries, "missing_libraries", lambda: ("libpango-1.0.so.0",))  # a PDF takes seconds
    cast = Cast.create()
    devices = DeviceFactory.create_batch(2)
    run = carried_out(started(cast, devices), rejected=[devices[0]])
    inventory_sync(source="file", inventory=Inventory((), ()), actor=Actor.system("test"))
    waiting = draft(cast.author)
    ready_plan(waiting, devices)
    client = APIClient()
    admin = PersonFactory.create(username="admin", roles=["administrator", "change-manager"])
    with transaction.atomic():
        seen = World(client, client, run, waiting.pk, devices[0])
    reader = actor(admin)
    notify(Topic.APPROVAL_WAITS, people=[admin.pk], subject="CHG-00007 waits", sentence="Read it.", path="/changes/")
    search = saved_search_create(actor=reader, name="All", query={"origin": "web"}, shared=True)
    pack = pack_ask(actor=reader, scope=PackScope.FILTER, filters={"actor": "admin"})
    _feed, token = feed_create(actor=reader, name="Laptop", site="")
    suspect = SuspectConfig.objects.create(
        device=devices[0], blob=ConfigBlob.store("hostname x\n"), code="CONFIG_SUSPICIOUS", detail="Small."
    )
    mapping = PlatformMapping.objects.create(value="vyos", platform="frr")
    seal_what_waits()
    ids: dict[str, object] = {
        "change_id": run.change_id, "run_id": run.pk, "device_id": devices[0].pk, "number": 1, "position": 0,
        "device_run_id": run.device_runs.order_by("pk")[0].pk, "snapshot_id": devices[0].snapshots.latest("id").pk,
        "drift_id": devices[0].drifts.get().pk, "rule_id": seen.rule.pk, "sync_id": SyncRun.objects.latest("pk").pk,
        "event_id": Event.objects.latest("id").pk, "exception_id": seen.exception.pk, "freeze_id": seen.freeze.pk,
        "template_id": seen.template.template_id, "window_id": seen.window.pk, "delegation_id": seen.delegation.pk,
        "thread_id": seen.thread.pk, "kind": "draft", "meeting_id": seen.meeting.pk, "key": "success-rate",
        "version_id": ApprovalPolicyVersion.objects.get(state="active").pk, "report_id": seen.report.pk,
        "breaker_id": CircuitBreaker.objects.get().pk, "suspect_id": suspect.pk, "search_id": search.pk,
        "pack_id": pack.pk, "size": Checkpoint.objects.latest("tree_size").tree_size, "name": "lab", "token": token,
        "action_id": 1, "item_id": 1, "mapping_id": mapping.pk, "source": "netbox", "alert_id": 1, "offer_id": 1,
        "host_key_id": 1, "token_id": "00000000-0000-0000-0000-000000000000", "redaction_id": 1, "hold_id": 1,
        "feed_id": "00000000-0000-0000-0000-000000000000", "notification_id": admin.notifications.latest("pk").pk,
        "archive_id": 1, "test_id": 1, "path": "x",
    }  # fmt: skip
    walk = Walk(cast, notes)
    return walk, seen, ids | {"_admin": admin}


@pytest.mark.parametrize("half", ["pages", "api"])
def test_looking_changes_nothing(world: tuple[Walk, World, dict[str, object]], half: str) -> None:
    walk, seen, ids = world
    client = Client()
    client.force_login(ids["_admin"])  # type: ignore[arg-type]  # a user
    walk.notes.forget()
    found, read = [], 0
    for pattern in reading():
        name = str(pattern.name)
        if name in ELSEWHERE or name.startswith("api-") != (half == "api"):
            continue
        try:
            kwargs = {key: ids[key] for key in pattern.pattern.converters}
            url = reverse(name, kwargs=kwargs)
        except (KeyError, NoReverseMatch) as error:
            found.append(f"The walk has no value for {error} of {name}: add it to the world of test_reading.py.")
            continue
        answer = client.get(url)
        if answer.streaming:
            list(answer.streaming_content)  # type: ignore[attr-defined]  # of a synchronous view
        if answer.status_code >= 500 and not name.endswith(("pdf", "readyz")):
            found.append(f"GET {url}: {answer.status_code}")
        read += answer.status_code == 200
        walk.check(f"GET {name}")
    assert not found + walk.problems, "\n".join(found + walk.problems)
    assert read > (90 if half == "pages" else 70), f"only {read} addresses had something to see"
    assert seen.run
