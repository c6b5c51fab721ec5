"""What somebody tried and was refused, told with the request that tried it."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from audit.models import Event
from audit.saved_searches import saved_search_create
from changes.services.approvals import plan_open
from tests.factories import Cast, DeviceFactory, actor, submitted

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return Cast.create()


def told(answer: object) -> Event:
    """The one event of a request."""
    return Event.objects.get(request_id=answer["X-Request-ID"])  # type: ignore[index]  # a test client's answer


@pytest.mark.parametrize("by_api", [False, True])
def test_deciding_on_ones_own_change(cast: Cast, by_api: bool) -> None:
    change = submitted(cast.colleague, [DeviceFactory.create()])
    assert change.revision
    plan_open(revision=change.revision, actor=actor(cast.colleague))
    client = APIClient() if by_api else Client()
    client.force_login(cast.colleague)
    name = "api-change-assess" if by_api else "change-assess"
    answer = client.post(reverse(name, args=[change.pk]), {"plan_digest": change.revision.digest})
    assert answer.status_code == 403
    event = told(answer)
    assert (event.action, event.code, event.actor_id) == (
        "change.assess_refused", "GATE_SELF_APPROVAL", cast.colleague.pk,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["audit-export", "api-audit-export"])
def test_a_download_of_the_log(cast: Cast, name: str) -> None:
    client = Client()
    client.force_login(cast.outsider)
    answer = client.get(f"{reverse(name)}?format=csv")
    assert answer.status_code == 403
    event = told(answer)
    assert (event.action, event.actor_name, event.object_id) == ("access.refused", "outsider", name)
    assert "Auditors" in event.reason or event.code, "it says why"


@pytest.mark.parametrize(("name", "attempt"), [("audit-search-change", "change"), ("audit-search-delete", "delete")])
def test_somebody_elses_saved_search(cast: Cast, name: str, attempt: str) -> None:
    search = saved_search_create(actor=actor(cast.auditor), name="Mine", query={"code": "PLAN_STALE"}, shared=True)
    client = Client()
    client.force_login(cast.manager)
    answer = client.post(reverse(name, args=[search.pk]), {"name": "Mine now"})
    assert answer.status_code == 404
    event = told(answer)
    assert (event.action, event.object_id) == (f"saved_search.{attempt}_refused", str(search.pk))
    missing = client.post(reverse(name, args=[search.pk + 1]), {"name": "x"})
    assert not Event.objects.filter(request_id=missing["X-Request-ID"]).exists(), "there is none: nothing to be about"


def test_what_was_typed_into_a_refused_form_is_not_told(cast: Cast) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.outsider)
    answer = client.post(reverse("account-token-create"), {"name": "s3cret-in-a-form"})
    assert answer.status_code == 403
    event = told(answer)
    assert event.object_label == "POST /account/tokens/"
    assert "s3cret-in-a-form" not in str(event.content())
