"""A proposed version stands in the inbox of whoever may review it, and of nobody else."""

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from changes.domain.templates.policy import may_review
from changes.domain.waiting import Work
from changes.models import TemplateVersion
from changes.services.inboxes import waiting_counts
from changes.services.people import person_of
from changes.services.template_records import version_facts
from changes.services.waiting import work_of
from tests.factories import Cast, actor, joins
from tests.integration.templates.conftest import proposed, reviewed

pytestmark = pytest.mark.django_db

EVERYBODY = ("author", "colleague", "peer", "approver", "second_approver", "manager", "implementer", "auditor",
             "outsider", "superuser")  # fmt: skip


def found(cast: Cast) -> dict[str, int]:
    """How many versions wait for each person; the badge agrees."""
    counts = {}
    for name in EVERYBODY:
        person = person_of(actor(getattr(cast, name)))
        rows = work_of(person, only=[Work.TEMPLATE]).get(Work.TEMPLATE)
        counts[name] = rows.count() if rows is not None else 0
        assert waiting_counts(person).get(Work.TEMPLATE, 0) == counts[name]
    return {name: count for name, count in counts.items() if count}


def allowed(cast: Cast, version: TemplateVersion) -> dict[str, int]:
    """What the rule says of the same people."""
    facts = version_facts(version)
    verdicts = {name: may_review(person_of(actor(getattr(cast, name))), facts) for name in EVERYBODY}
    return {name: 1 for name, verdict in verdicts.items() if verdict.allowed}


def test_who_may_review_a_version_finds_it_until_their_review_is_no_longer_lacking(cast: Cast) -> None:
    joins(cast.colleague, "peer")
    joins(cast.auditor, "peer")
    version = proposed(cast.colleague)
    assert found(cast) == allowed(cast, version) == {"peer": 1, "approver": 1, "second_approver": 1}
    reviewed(version, cast.peer)
    joins(cast.peer, "cab")
    assert found(cast) == allowed(cast, version) == {"approver": 1, "second_approver": 1}
    reviewed(version, cast.approver)
    assert found(cast) == {}


def test_one_without_an_envelope_waits_for_a_peer_alone(cast: Cast) -> None:
    version = proposed(cast.author, envelope=None)
    assert found(cast) == allowed(cast, version)
    assert "approver" not in found(cast)


def test_page_and_api_name_it(cast: Cast, client: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    version = proposed(cast.colleague)
    client.force_login(cast.approver)
    page = client.get("/").content.decode()
    assert "Templates to review" in page
    assert f"/templates/{version.template_id}/versions/1/" in page
    assert client.get("/api/v1/inbox/").json()["results"] == [{"kind": "template", "count": 1}]
    with django_assert_num_queries(5):
        (item,) = client.get("/api/v1/inbox/template/").json()["results"]
    shown = (item["id"], item["change"], item["number"], item["title"], item["state"])
    assert shown == (version.pk, None, version.label, "NTP servers", "proposed")
