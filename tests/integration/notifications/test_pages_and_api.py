"""The list, the preferences, the webhook and the test: pages without a script, and the API beside them."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from audit.models import Event
from changes.domain.notifications import Topic
from changes.models import Notification, NotificationPreference, NotificationProfile
from changes.services.notification_choices import choices_of
from changes.services.notifying import notify
from tests.factories import PersonFactory

pytestmark = pytest.mark.django_db
PREFERENCES = "/account/notifications/"
API = "/api/v1/notifications/"
URL = "https://hooks.example.net/services/T0KEN"


@pytest.fixture
def browser(client: Client, reader: User) -> Client:
    client.force_login(reader)
    return client


def tell(person: User, subject: str = "CHG-00007 waits", path: str = "/changes/") -> Notification:
    notify(Topic.APPROVAL_WAITS, people=[person.pk], subject=subject, sentence="Read it.", path=path)
    return Notification.objects.latest("pk")


def test_the_list_shows_ones_own_and_costs_the_same_however_many(
    browser: Client, reader: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(60):
        tell(reader, f"Number {number}")
    tell(PersonFactory.create(), "Somebody else's")
    with django_assert_num_queries(5):
        page = browser.get("/notifications/").content.decode()
    assert "Number 59" in page
    assert "Number 5<" not in page
    assert "Somebody else" not in page
    assert "60 unread notifications" in page
    assert "before=" in page


def test_opening_one_marks_it_read_and_leads_to_its_page(browser: Client, reader: User) -> None:
    row = tell(reader)
    answer = browser.get(f"/notifications/{row.pk}/")
    assert (answer.status_code, answer["Location"]) == (302, "/changes/")
    row.refresh_from_db()
    assert row.read_at is not None


def test_nobody_opens_or_reads_those_of_others(browser: Client) -> None:
    row = tell(PersonFactory.create())
    assert browser.get(f"/notifications/{row.pk}/").status_code == 404
    assert browser.post("/notifications/read/").status_code == 302
    assert browser.post(f"{API}read/", {"ids": [row.pk]}, "application/json").json() == {"read": 0}
    row.refresh_from_db()
    assert row.read_at is None


def test_preferences_are_kept_and_audited(browser: Client, reader: User) -> None:
    sent = {"digest": "daily", "digest_hour": "7", "decided.email": "on", "reminder.page": "on"}
    assert browser.post(PREFERENCES, sent).status_code == 302
    choices = choices_of(reader.pk)
    assert (choices[Topic.DECIDED].email, choices[Topic.DECIDED].page) == (True, False)
    assert choices[Topic.REMINDER].page
    assert not choices[Topic.REMINDER].email
    assert NotificationProfile.objects.get().digest == "daily"
    assert Event.objects.filter(action="notification.preferences_changed").count() == 1
    assert 'value="daily" selected' in browser.get(PREFERENCES).content.decode()


@pytest.mark.parametrize("sent", [{"digest": "weekly", "digest_hour": "7"}, {"digest": "daily", "digest_hour": "24"}])
def test_a_bad_preference_keeps_nothing_and_loses_nothing(browser: Client, sent: dict[str, str]) -> None:
    answer = browser.post(PREFERENCES, {**sent, "decided.email": "on"})
    assert answer.status_code == 400
    assert 'name="decided.email" checked' in answer.content.decode()
    assert not NotificationPreference.objects.exists()


def test_the_secret_of_a_webhook_is_shown_once_and_its_address_never(browser: Client, reader: User) -> None:
    page = browser.post(f"{PREFERENCES}webhook/", {"url": URL}).content.decode()
    assert "whsec_" in page
    assert "T0KEN" not in page
    again = browser.get(PREFERENCES).content.decode()
    assert "hooks.example.net" in again
    assert "whsec_" not in again
    assert "T0KEN" not in again
    events = " ".join(str(event.content()) for event in Event.objects.all())
    assert "hooks.example.net" in events
    assert "T0KEN" not in events
    browser.post(f"{PREFERENCES}webhook/", {"do": "remove"})
    assert NotificationProfile.objects.get(pk=reader.pk).webhook_sealed == ""


def test_a_bad_address_is_refused_and_stays_in_the_form(browser: Client) -> None:
    answer = browser.post(f"{PREFERENCES}webhook/", {"url": "http://hooks.example.net/x"})
    assert answer.status_code == 422
    assert "has to begin with https://" in answer.content.decode()
    assert 'value="http://hooks.example.net/x"' in answer.content.decode()


def test_a_test_is_sent_and_not_without_end(browser: Client, reader: User) -> None:
    for _ in range(6):
        assert browser.post(f"{PREFERENCES}test/").status_code == 302
    assert browser.post(f"{PREFERENCES}test/").status_code == 409
    assert Notification.objects.filter(person=reader, topic=Topic.TEST).count() == 6


def test_the_api_gives_what_the_pages_give(browser: Client, reader: User) -> None:
    row = tell(reader)
    (found,) = browser.get(f"{API}?unread=true").json()["results"]
    assert (found["id"], found["topic"], found["read_at"]) == (row.pk, "approval_waits", None)
    assert browser.post(f"{API}read/", {}, "application/json").json() == {"read": 1}
    assert browser.get(f"{API}?unread=true").json()["results"] == []
    changed = browser.patch(f"{API}preferences/", {"topics": {"decided": {"email": True}}}, "application/json").json()
    assert changed["topics"]["decided"] == {"page": True, "email": True, "webhook": False}
    set_ = browser.put(f"{API}webhook/", {"url": URL}, "application/json").json()
    assert set_["webhook_host"] == "hooks.example.net"
    assert set_["secret"].startswith("whsec_")
    assert browser.get(f"{API}preferences/").json()["webhook_host"] == "hooks.example.net"
    assert browser.delete(f"{API}webhook/").status_code == 204
    assert browser.post(f"{API}test/", {}, "application/json").status_code == 202


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("patch", "preferences/", {"topics": {"weather": {"email": True}}}),
        ("patch", "preferences/", {"topics": {"decided": {"email": "yes"}}}),
        ("patch", "preferences/", {"topics": {"test": {"email": True}}}),
        ("patch", "preferences/", {"digest_hour": True}),
        ("patch", "preferences/", {"colour": 1}),
        ("put", "webhook/", {"url": "http://x"}),
        ("put", "webhook/", {}),
        ("post", "read/", {"ids": ["1"]}),
        ("post", "read/", {"ids": [0]}),
    ],
)
def test_bad_input_gets_a_sentence(browser: Client, method: str, path: str, body: dict[str, object]) -> None:
    answer = getattr(browser, method)(f"{API}{path}", body, "application/json")
    assert answer.status_code == 400
    assert answer.json()["fields"]


def test_an_unknown_filter_is_refused(browser: Client) -> None:
    assert browser.get(f"{API}?colour=red").status_code == 400
    assert browser.get(f"{API}?unread=maybe").status_code == 400


@pytest.mark.parametrize("path", ["/notifications/", PREFERENCES])
def test_pages_are_for_people_who_are_signed_in(client: Client, path: str) -> None:
    assert client.get(path).status_code == 302
