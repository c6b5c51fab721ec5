"""Legal holds and periods on the page and through the API, and where archived events are told to have gone."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from rest_framework.test import APIClient

from audit.models import ArchivedEvent, Event, LegalHold, RetentionPeriod
from audit.retention.retrieval import retrieval_test
from audit.sealing.trust import trusted_keys
from tests import factories
from tests.factories import Cast, actor
from tests.integration.retention.test_archiving import archived, cast, closed
from tests.integration.sealing_fixtures import Seal

__all__ = ["cast", "closed"]
pytestmark = pytest.mark.django_db


def signed_in(user: object) -> Client:
    client = Client()
    client.force_login(user)  # type: ignore[arg-type]
    return client


def test_a_hold_is_placed_and_released_on_the_page_by_two(cast: Cast, seal: Seal) -> None:
    change = factories.draft(cast.author)
    auditor, admin = signed_in(cast.auditor), signed_in(cast.outsider)
    refused = auditor.post("/audit/retention/holds/", {"matter": "Case 7", "change_id": change.number, "reason": " "})
    assert refused.status_code == 400
    assert "Say why these events must stay." in refused.content.decode()
    assert 'value="Case 7"' in refused.content.decode()
    auditor.post("/audit/retention/holds/", {"matter": "Case 7", "change_id": change.number, "reason": "Lawsuit."})
    hold = LegalHold.objects.get()
    page = auditor.get("/audit/retention/").content.decode()
    assert "Propose release" in page
    auditor.post(f"/audit/retention/holds/{hold.pk}/propose/", {"comment": "Settled."})
    seal()
    own = auditor.get("/audit/retention/").content.decode()
    assert "somebody else has to agree" in own
    assert f"/holds/{hold.pk}/release/" not in own
    assert auditor.post(f"/audit/retention/holds/{hold.pk}/release/").status_code == 403
    assert Event.objects.filter(action="legal_hold.release_refused").count() == 1
    assert f"/holds/{hold.pk}/release/" in admin.get("/audit/retention/").content.decode()
    admin.post(f"/audit/retention/holds/{hold.pk}/release/")
    hold.refresh_from_db()
    assert (hold.state, hold.released_by_name) == ("released", "outsider")
    steps = Event.objects.filter(object_type="legal_hold").order_by("pk").values_list("action", flat=True)
    assert list(steps) == [
        "legal_hold.placed", "legal_hold.release_proposed", "legal_hold.release_refused", "legal_hold.released",
    ]  # fmt: skip


def test_who_may_neither_hold_nor_set_learns_it_and_the_attempt_is_in_the_log(cast: Cast) -> None:
    manager = signed_in(cast.manager)
    page = manager.get("/audit/retention/").content.decode()
    assert "Auditors and administrators place holds" in page
    assert "Set a period" not in page
    assert (
        manager.post("/audit/retention/holds/", {"matter": "x", "reason": "x", "since": "2026-01-01"}).status_code
        == 403
    )
    given = {"retention_class": "normal", "days": "500", "reason": "x"}
    assert manager.post("/audit/retention/periods/", given).status_code == 403
    assert signed_in(cast.author).get("/audit/retention/").status_code == 403
    refusals = Event.objects.filter(action__in=["legal_hold.place_refused", "retention_period.set_refused"])
    assert refusals.count() == 2


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"retention_class": "normal", "days": "30", "reason": "x"}, "from 400 to 36,500"),
        ({"retention_class": "other", "days": "500", "reason": "x"}, "no such class"),
        ({"retention_class": "normal", "days": "500", "reason": ""}, "Say in a few words"),
    ],
)
def test_a_period_that_cannot_be_is_refused_with_a_sentence(cast: Cast, given: dict[str, str], sentence: str) -> None:
    response = signed_in(cast.outsider).post("/audit/retention/periods/", given)
    assert response.status_code == 400
    page = response.content.decode()
    assert sentence in page
    assert f'value="{given["days"]}"' in page
    assert f"required>{given['reason']}</textarea>" in page
    assert RetentionPeriod.objects.get(change_class="normal").days == 700


def test_the_api_does_the_same(cast: Cast, seal: Seal) -> None:
    api = APIClient()
    api.force_authenticate(cast.auditor)
    made = api.post(
        "/api/v1/audit/holds/",
        {"matter": "Case 8", "reason": "Inquiry.", "since": "2026-01-01", "until": "2026-01-31"},
        format="json",
    )
    assert made.status_code == 201
    assert (made.json()["state"], made.json()["until"]) == ("active", "2026-02-01T00:00:00Z")
    url = f"/api/v1/audit/holds/{made.json()['id']}/"
    assert api.post(f"{url}release/", {}, format="json").status_code == 409
    assert api.post(f"{url}propose-release/", {"reason": "Done."}, format="json").json()["state"] == "release_proposed"
    assert api.post(f"{url}decline-release/", {"reason": "Not yet."}, format="json").json()["state"] == "active"
    assert api.post("/api/v1/audit/holds/", {"matter": "x", "why": "x"}, format="json").json()["fields"].keys() == {
        "why"
    }
    both = {"matter": "x", "reason": "x", "since": "2026-01-01", "change_id": 1}
    assert api.post("/api/v1/audit/holds/", both, format="json").status_code == 400
    assert api.put("/api/v1/audit/retention/normal/", {"days": 800, "reason": "x"}, format="json").status_code == 403
    api.force_authenticate(cast.outsider)
    put = api.put("/api/v1/audit/retention/normal/", {"days": None, "reason": "Keep."}, format="json")
    assert put.json() == {"retention_class": "normal", "days": None}
    assert api.get("/api/v1/audit/holds/999999/").status_code == 404
    assert api.get("/api/v1/audit/archives/").json() == api.get("/api/v1/audit/retrieval-tests/").json() == []


def test_pages_and_api_say_where_archived_events_went(cast: Cast, closed: int, tmp_path: Path, seal: Seal) -> None:
    made = archived(tmp_path)
    assert made is not None
    test = retrieval_test(actor=actor(cast.auditor), folder=tmp_path, keys=trusted_keys())
    event = ArchivedEvent.objects.filter(change_id=closed).earliest("pk").pk
    auditor = signed_in(cast.auditor)
    assert "went to the archive archive-00001.zip" in auditor.get(f"/changes/{closed}/timeline/").content.decode()
    for url in (f"/audit/{event}/", f"/audit/changes/{closed}/"):
        response = auditor.get(url)
        assert response.status_code == 410
        assert "archive-00001.zip" in response.content.decode()
    explorer = auditor.get(f"/audit/?change_id={closed}").content.decode()
    assert "Earlier events are in an archive" in explorer
    assert "No event matches" not in explorer
    assert "archive-00001.zip" in explorer
    assert 'href="/audit/retention/">archives' in auditor.get("/audit/").content.decode()
    page = auditor.get("/audit/retention/").content.decode()
    assert "archive-00001.zip" in page
    assert f"/audit/retention/tests/{test.pk}/" in page
    report = auditor.get(f"/audit/retention/tests/{test.pk}/").content.decode()
    assert "Every archive was proved." in report
    assert re.search(r"Looked up: event \d+", report)
    assert auditor.get(f"/audit/retention/tests/{test.pk}/pdf/").status_code in {200, 503}
    api = APIClient()
    api.force_authenticate(cast.auditor)
    gone = api.get(f"/api/v1/audit/events/{event}/")
    assert (gone.status_code, gone.json()["code"]) == (410, "event_archived")
    assert api.get("/api/v1/audit/archives/").json()[0]["state"] == "removed"
    assert api.get(f"/api/v1/audit/retrieval-tests/{test.pk}/").json()["passed"] is True


def test_the_command_refuses_numbers_that_cannot_be() -> None:
    for name, options in (("audit_archive", {"events": 0}), ("audit_retrieval_test", {"sample": 0})):
        with pytest.raises(CommandError, match=r"numbers? from 1"):
            call_command(name, **options, stdout=StringIO())
