import ipaddress
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from changes.models import NotificationProfile
from changes.services.sealing import seal
from tests.factories import PersonFactory
from tests.integration.notifications.receivers import Mailbox, Receiver, certificate, https_receiver, smtp_server


@pytest.fixture(scope="session")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def receiver(pem: Path, settings: Settings) -> Iterator[Receiver]:
    settings.WEBHOOK_ALLOWED_NETWORKS = (ipaddress.ip_network("127.0.0.1/32"),)
    settings.WEBHOOK_CA_FILE = str(pem)
    settings.WEBHOOK_TIMEOUT_S = 2.0
    with https_receiver(pem) as running:
        yield running


@pytest.fixture
def mailbox(settings: Settings) -> Iterator[Mailbox]:
    with smtp_server() as running:
        settings.COUNTERSIGN_MAIL_ON = True
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", running.port
        yield running


@pytest.fixture
def reader() -> User:
    return PersonFactory.create(email="reader@example.net")


@pytest.fixture
def hooked(receiver: Receiver) -> User:
    """Somebody with a webhook and without an e-mail address."""
    person = PersonFactory.create()
    sealed = seal(receiver.url, owner=person.pk)
    NotificationProfile.objects.create(person=person, webhook_sealed=sealed, webhook_host=f"127.0.0.1:{receiver.port}")
    return person
