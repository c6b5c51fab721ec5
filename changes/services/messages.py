"""Notifications as messages: an e-mail in plain text, or a signed JSON body."""

from __future__ import annotations

import json
import smtplib
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urljoin

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.validators import validate_email

from changes.domain.notifications import Topic
from changes.models import Notification, NotificationProfile
from changes.outbound.errors import OutboundError
from changes.outbound.webhook import Route, post
from changes.services.sealing import UnsealableError, signing_secret, unseal
from devices.credentials.seen import remember

SCHEMA: Final = "countersign.notification/1"
_FOOT: Final = "\n-- \nYou get this because of your notification preferences: {url}\n"


def send_email(person: User, notifications: Sequence[Notification], message: str) -> None:
    """Send one e-mail about one or several notifications. Its Message-ID is the same in every attempt.

    Raises:
        OutboundError: no server is set up, the address is none, or the server did not take it.
    """
    if not settings.COUNTERSIGN_MAIL_ON:
        raise OutboundError("MAIL_OFF", "No mail server is set up here. An operator sets MAIL_URL.", permanent=True)
    try:
        validate_email(person.email)
    except ValidationError:
        raise OutboundError("BAD_ADDRESS", "The account has no valid e-mail address.", permanent=True) from None
    mail = EmailMessage(
        subject=_subject(notifications),
        body=_text(notifications),
        to=[person.email],
        headers={
            "Message-ID": f"<{message}@{_domain()}>",
            "Auto-Submitted": "auto-generated",
        },
    )
    try:
        mail.send()
    except smtplib.SMTPRecipientsRefused as error:
        code = max((code for code, _text in error.recipients.values()), default=0)
        sentence = f"The mail server refused the address with status {code}."
        raise OutboundError("REFUSED", sentence, permanent=500 <= code < 600) from None
    except smtplib.SMTPResponseException as error:
        sentence = f"The mail server answered with status {error.smtp_code}."
        raise OutboundError("REFUSED", sentence, permanent=500 <= error.smtp_code < 600) from None
    except (smtplib.SMTPException, OSError) as error:
        raise OutboundError("UNREACHABLE", f"The mail server could not be used: {type(error).__name__}.") from None


def send_webhook(person: User, notifications: Sequence[Notification], message: str) -> None:
    """POST one signed body about one or several notifications to the person's webhook.

    Raises:
        OutboundError: there is no webhook any more, or it did not take it.
    """
    profile = NotificationProfile.objects.filter(pk=person.pk).exclude(webhook_sealed="").first()
    if profile is None:
        raise OutboundError("NO_ADDRESS", "The webhook was taken out meanwhile.", permanent=True)
    secret = signing_secret(person.pk, profile.webhook_version)
    remember(secret)
    post(webhook_address(profile), body=_json(notifications, message), secret=secret, message=message, route=route())


def webhook_address(profile: NotificationProfile) -> str:
    """The address in clear, for sending only.

    Raises:
        OutboundError: it cannot be read any more.
    """
    try:
        return unseal(profile.webhook_sealed, owner=profile.pk)
    except UnsealableError:
        sentence = "The stored address cannot be read: the installation's key has changed. Enter it again."
        raise OutboundError("UNSEALABLE", sentence, permanent=True) from None


def route() -> Route:
    """How webhooks leave this installation."""
    return Route(
        allowed=settings.WEBHOOK_ALLOWED_NETWORKS,
        ca_file=settings.WEBHOOK_CA_FILE,
        timeout_s=settings.WEBHOOK_TIMEOUT_S,
    )


def link(path: str) -> str:
    """A path of the portal as people open it from outside."""
    return urljoin(settings.COUNTERSIGN_URL, path) if path else ""


def _domain() -> str:
    return settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip("> ") or "localhost"


def _subject(notifications: Sequence[Notification]) -> str:
    if len(notifications) == 1:
        return notifications[0].subject
    return f"Countersign: {len(notifications)} notifications"


def _text(notifications: Sequence[Notification]) -> str:
    parts = [
        "\n".join(filter(None, [row.subject if len(notifications) > 1 else "", row.sentence, link(row.path)]))
        for row in notifications
    ]
    return "\n\n".join(parts) + "\n" + _FOOT.format(url=link("/account/notifications/"))


def _json(notifications: Sequence[Notification], message: str) -> bytes:
    body = {"schema": SCHEMA, "message": message, "notifications": [_entry(row) for row in notifications]}
    return json.dumps(body, ensure_ascii=False).encode()


def _entry(row: Notification) -> dict[str, Any]:
    return {
        "id": row.pk,
        "topic": Topic(row.topic).value,
        "subject": row.subject,
        "sentence": row.sentence,
        "url": link(row.path),
        "change": row.change.number if row.change else None,
        "created_at": row.created_at.isoformat(),
    }
