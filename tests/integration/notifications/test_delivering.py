"""Notifications on their way out, over real SMTP and real HTTPS on loopback."""

import hashlib
import hmac
import json
import threading
import uuid
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models.functions import Now
from pytest_django import DjangoAssertNumQueries, Settings

from changes.domain.notifications import MAX_ATTEMPTS, Topic
from changes.models import Notification, NotificationDelivery, NotificationProfile
from changes.services.delivering import deliveries_dispatch, deliveries_work, notifications_forget
from changes.services.notifying import notify
from changes.services.sealing import UnsealableError, seal, signing_secret, unseal
from tests.factories import PersonFactory, switched
from tests.integration.notifications.receivers import Mailbox, Receiver

pytestmark = pytest.mark.django_db


def tell(person: User, subject: str = "CHG-00007 waits for you") -> None:
    notify(
        Topic.APPROVAL_WAITS, people=[person.pk], subject=subject, sentence="Read its plan.", path="/changes/7/plan/"
    )


def one() -> NotificationDelivery:
    return NotificationDelivery.objects.get()


def due_again() -> None:
    NotificationDelivery.objects.update(due_at=Now())


def test_an_email_arrives_with_a_link_and_its_row_says_so(reader: User, mailbox: Mailbox) -> None:
    tell(reader)
    assert deliveries_work() == 1
    (mail,) = mailbox.mails
    assert (mail["To"], mail["Subject"]) == ("reader@example.net", "CHG-00007 waits for you")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert "/changes/7/plan/" in mail.get_content()
    assert (one().state, one().attempts) == ("sent", 1)
    assert deliveries_work() == 0


def test_a_digest_is_one_email_when_its_hour_has_come(reader: User, mailbox: Mailbox) -> None:
    NotificationProfile.objects.create(person=reader, digest="hourly")
    tell(reader, "First")
    tell(reader, "Second")
    assert deliveries_work() == 0
    due_again()
    assert deliveries_work() == 1
    (mail,) = mailbox.mails
    assert mail["Subject"] == "Countersign: 2 notifications"
    assert "First" in mail.get_content()
    assert "Second" in mail.get_content()
    assert set(NotificationDelivery.objects.values_list("state", flat=True)) == {"sent"}


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_never_send_two_halves_of_a_digest(reader: User, mailbox: Mailbox) -> None:
    NotificationProfile.objects.create(person=reader, digest="hourly")
    for number in range(40):
        tell(reader, f"Number {number}")
    # As if the first worker had died with the digest in its hands.
    NotificationDelivery.objects.update(due_at=Now(), message=uuid.uuid4(), attempts=1)
    together = threading.Barrier(4)

    def work() -> None:
        together.wait()
        try:
            deliveries_work()
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [mail["Subject"] for mail in mailbox.mails] == ["Countersign: 40 notifications"]


def test_an_account_that_was_switched_off_before_its_digest_gets_nothing(reader: User, mailbox: Mailbox) -> None:
    tell(reader)
    switched(reader, active=False)
    deliveries_work()
    assert not mailbox.mails
    assert (one().state, one().code) == ("failed", "ACCOUNT_OFF")


def test_a_message_that_ends_worker_after_worker_is_given_up(reader: User, mailbox: Mailbox) -> None:
    tell(reader)
    NotificationDelivery.objects.update(attempts=MAX_ATTEMPTS)
    deliveries_work()
    assert not mailbox.mails
    assert (one().state, one().code) == ("failed", "WORKER_FAILED")


@pytest.mark.parametrize(("refusal", "state"), [("550 no such user", "failed"), ("451 later", "waiting")])
def test_a_refused_address_is_given_up_and_a_busy_server_is_not(
    reader: User, mailbox: Mailbox, refusal: str, state: str
) -> None:
    mailbox.refusal = refusal
    tell(reader)
    deliveries_work()
    assert (one().state, one().code) == (state, "REFUSED")
    assert "reader@" not in one().detail


def test_what_is_tried_again_keeps_its_id_and_ends_after_a_bounded_number(reader: User, mailbox: Mailbox) -> None:
    mailbox.refusal = "451 later"
    tell(reader)
    for _ in range(MAX_ATTEMPTS + 2):
        deliveries_work()
        due_again()
    assert (one().state, one().attempts) == ("failed", MAX_ATTEMPTS)


def test_a_message_whose_worker_was_lost_goes_out_again_with_the_same_id(reader: User, mailbox: Mailbox) -> None:
    tell(reader)
    deliveries_work()
    # As if the worker had died after the server took the message, and before the row said so.
    NotificationDelivery.objects.update(state="waiting", ended_at=None, due_at=Now())
    deliveries_work()
    first, second = mailbox.mails
    assert first["Message-ID"] == second["Message-ID"]


def test_an_account_with_a_bad_address_fails_alone(mailbox: Mailbox, reader: User) -> None:
    odd = PersonFactory.create(email="no address\nBcc: all@example.net")
    tell(odd)
    tell(reader)
    assert deliveries_work() == 2
    assert len(mailbox.mails) == 1
    assert NotificationDelivery.objects.get(person=odd).code == "BAD_ADDRESS"


def test_without_a_mail_server_the_row_says_why(reader: User, settings: Settings) -> None:
    settings.COUNTERSIGN_MAIL_ON = False
    tell(reader)
    deliveries_work()
    assert (one().state, one().code) == ("failed", "MAIL_OFF")


def test_a_webhook_call_is_signed_over_time_id_and_body(hooked: User, receiver: Receiver) -> None:
    tell(hooked)
    deliveries_work()
    ((path, headers, body),) = receiver.calls
    assert path == "/services/T0KEN-IN-PATH"
    fields = dict(part.split("=", 1) for part in headers["Countersign-Signature"].split(","))
    signed = f"{fields['t']}.{headers['Countersign-Message']}.".encode() + body
    expected = hmac.new(signing_secret(hooked.pk, 1).encode(), signed, hashlib.sha256).hexdigest()
    assert fields["v1"] == expected
    told = json.loads(body)
    assert told["message"] == headers["Countersign-Message"] == str(one().message)
    assert told["notifications"][0]["topic"] == "approval_waits"
    assert one().state == "sent"


def test_a_redirect_is_not_followed(hooked: User, receiver: Receiver) -> None:
    receiver.answer = lambda: (302, {"Location": receiver.url})
    tell(hooked)
    deliveries_work()
    assert len(receiver.calls) == 1
    assert (one().state, one().code) == ("failed", "REDIRECTED")


@pytest.mark.parametrize(("status", "state"), [(500, "waiting"), (429, "waiting"), (410, "failed")])
def test_what_may_pass_is_tried_again(hooked: User, receiver: Receiver, status: int, state: str) -> None:
    receiver.answer = lambda: (status, {})
    tell(hooked)
    deliveries_work()
    assert one().state == state


def test_loopback_is_refused_unless_a_setting_allows_it(hooked: User, receiver: Receiver, settings: Settings) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = ()
    tell(hooked)
    deliveries_work()
    assert not receiver.calls
    assert (one().state, one().code) == ("failed", "ADDRESS_REFUSED")


def test_a_certificate_of_an_unknown_authority_gets_nothing(
    hooked: User, receiver: Receiver, settings: Settings
) -> None:
    settings.WEBHOOK_CA_FILE = ""
    tell(hooked)
    deliveries_work()
    assert not receiver.calls
    assert (one().state, one().code) == ("waiting", "CERTIFICATE_INVALID")


def test_a_receiver_that_answers_one_byte_at_a_time_is_left(
    hooked: User, receiver: Receiver, settings: Settings
) -> None:
    settings.WEBHOOK_TIMEOUT_S = 0.4
    receiver.drip_s = 3
    tell(hooked)
    deliveries_work()
    assert (one().state, one().code) == ("waiting", "TIMEOUT")


def test_no_row_holds_the_address_or_the_secret(hooked: User, receiver: Receiver) -> None:
    receiver.answer = lambda: (500, {})
    tell(hooked)
    deliveries_work()
    profile = NotificationProfile.objects.get()
    stored = " ".join(str(value) for row in (profile, one()) for value in vars(row).values())
    assert "T0KEN" not in stored
    assert signing_secret(hooked.pk, 1) not in stored


def test_a_sealed_address_opens_for_its_own_row_only() -> None:
    sealed = seal("https://hooks.example.net/x", owner=1)
    assert unseal(sealed, owner=1) == "https://hooks.example.net/x"
    for owner, text in ((2, sealed), (1, sealed[:-4] + "AAAA"), (1, "")):
        with pytest.raises(UnsealableError):
            unseal(text, owner=owner)
    assert signing_secret(1, 1) not in {signing_secret(1, 2), signing_secret(2, 1), signing_secret(11, 1)}


def test_a_round_of_the_dispatcher_is_one_query_when_nothing_is_due(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_num_queries(1):
        assert deliveries_dispatch() == 0


def test_old_notifications_are_forgotten(reader: User) -> None:
    tell(reader)
    tell(reader)
    first = Notification.objects.order_by("pk")[0]
    Notification.objects.filter(pk=first.pk).update(created_at=Now() - timedelta(days=181))
    assert notifications_forget() == 1
    assert Notification.objects.count() == 1
