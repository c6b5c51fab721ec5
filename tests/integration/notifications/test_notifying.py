"""What notify() writes, for whom, and what it never does."""

from typing import Any

import pytest
from django.db import transaction
from pytest_django import DjangoAssertNumQueries

from changes.domain.notifications import Channel, Topic
from changes.models import Notification, NotificationDelivery, NotificationPreference, NotificationProfile
from changes.services.notifying import notify
from portal.access import person_identity_change
from tests.factories import TESTER, Cast, PersonFactory

pytestmark = pytest.mark.django_db


def tell(*people: int, topic: Topic = Topic.APPROVAL_WAITS, **fields: str) -> None:
    texts: Any = {"subject": "CHG-00001 waits", "sentence": "Read its plan.", **fields}
    notify(topic, people=people, **texts)


def test_each_person_gets_one_and_strangers_get_none() -> None:
    cast = Cast.create()
    gone = PersonFactory.create(is_active=False)
    tell(cast.peer.pk, cast.peer.pk, cast.approver.pk, gone.pk, 999_999)
    assert set(Notification.objects.values_list("person__username", flat=True)) == {"peer", "approver"}


def test_an_account_without_an_address_is_not_written_to() -> None:
    cast = Cast.create()
    tell(cast.peer.pk)
    assert Notification.objects.count() == 1
    assert not NotificationDelivery.objects.exists()


def test_a_choice_decides_over_the_ways() -> None:
    cast = Cast.create()
    for name, page, email in (("peer", False, True), ("approver", True, False), ("manager", False, False)):
        person = getattr(cast, name)
        person_identity_change(user=person, actor=TESTER, email=f"{name}@example.net")
        NotificationPreference.objects.create(person=person, topic=Topic.DECIDED, page=page, email=email, webhook=False)
    tell(cast.peer.pk, cast.approver.pk, cast.manager.pk, topic=Topic.DECIDED)
    rows = dict(Notification.objects.values_list("person__username", "listed"))
    assert rows == {"peer": False, "approver": True}
    assert list(NotificationDelivery.objects.values_list("person__username", "channel")) == [("peer", Channel.EMAIL)]


def test_a_digest_waits_and_a_test_does_not() -> None:
    person = PersonFactory.create(email="d@example.net")
    NotificationProfile.objects.create(person=person, digest="daily")
    tell(person.pk)
    tell(person.pk, topic=Topic.TEST)
    assert [row.bundled for row in NotificationDelivery.objects.order_by("pk")] == [True, False]


def test_it_is_gone_with_the_transaction_of_its_caller() -> None:
    person = PersonFactory.create(email="d@example.net")
    with transaction.atomic():
        tell(person.pk)
        transaction.set_rollback(True)
    assert not Notification.objects.exists()


def test_it_is_never_raised_for_odd_texts_and_addresses() -> None:
    person = PersonFactory.create(email="not an address\nBcc: x@example.net")
    tell(person.pk, subject="a\r\nBcc: b\x00" * 90, sentence="\x00" + "long " * 900, path="//elsewhere.example")
    row = Notification.objects.get()
    assert "\n" not in row.subject
    assert len(row.sentence) <= 1_000
    assert row.path == ""


def test_the_number_of_people_costs_no_queries(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    people = [PersonFactory.create(email=f"p{number}@example.net").pk for number in range(12)]
    with django_assert_num_queries(5):
        tell(*people)
    assert NotificationDelivery.objects.count() == 12
