"""A hook that writes an e-mail about each plan and each run that has ended."""

from __future__ import annotations

import json
import os

from django.conf import settings
from django.core.mail import EmailMessage

from changes.hooks.interface import API_VERSION, HookEvent


class Mail:
    """Write to the addresses of ``COUNTERSIGN_HOOK_EMAIL_TO``, separated by commas, over the portal's mail server."""

    api = API_VERSION
    points = ("after_plan", "after_run")

    def call(self, event: HookEvent) -> None:
        """Send one e-mail; its Message-ID is that of the event.

        Raises:
            KeyError: no address is set, or the portal has no mail server.
            smtplib.SMTPException, OSError: the server did not take it.
        """
        server = json.loads(os.environ["COUNTERSIGN_HOOK_MAIL"])
        if not settings.configured:
            settings.configure(**server)
        sender = str(server["DEFAULT_FROM_EMAIL"])
        domain = sender.rpartition("@")[2].strip("> ")
        EmailMessage(
            subject=" ".join(f"{event.change.number} {_what(event)}: {event.change.title}".split()),
            body=_text(event),
            from_email=sender,
            to=[part.strip() for part in os.environ["COUNTERSIGN_HOOK_EMAIL_TO"].split(",") if part.strip()],
            headers={"Message-ID": f"<{event.id}@{domain}>", "Auto-Submitted": "auto-generated"},
        ).send()


def _what(event: HookEvent) -> str:
    if event.run is not None:
        return f"ended as {event.run.outcome}"
    return f"has a plan that is {event.plan.state}"


def _text(event: HookEvent) -> str:
    lines = [
        f"{event.change.number} {_what(event)}.",
        f"Type: {event.change.type}. Author: {event.change.author}. Devices: {event.plan.devices}.",
        f"Plan: revision {event.plan.revision}, {event.plan.digest or 'no digest'}",
        event.change.url,
    ]
    return "\n".join(lines) + "\n"
