"""How e-mails and webhook calls leave the installation, from the environment; a bad setting is refused."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parseaddr
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from portal.environment import SettingError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_SMTP: Final = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
_BACKENDS: Final = {
    "smtp": "django.core.mail.backends.smtp.EmailBackend",
    "file": "django.core.mail.backends.filebased.EmailBackend",
    "console": "django.core.mail.backends.console.EmailBackend",
    "none": "django.core.mail.backends.dummy.EmailBackend",
}
_ADDRESS: Final = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+")


@dataclass(frozen=True)
class MailEnvironment:
    """Django's settings for e-mail by their names, the sender, and what webhooks may reach.

    ``is_on`` is false where no server is named: then no e-mail is sent and pages say so.
    """

    is_on: bool
    settings: Mapping[str, object]
    sender: str
    networks: tuple[Network, ...]
    ca_file: str


def read_mail(environ: Mapping[str, str]) -> MailEnvironment:
    """Read ``MAIL_URL``, ``MAIL_PASSWORD`` or ``MAIL_PASSWORD_FILE``, ``MAIL_FROM``, ``WEBHOOK_…``.

    Raises:
        SettingError: the first that is wrong. A password is never repeated.
    """
    url = environ.get("MAIL_URL", "").strip()
    return MailEnvironment(
        is_on=bool(url),
        settings=_server(url, _password(environ)),
        sender=_sender(environ),
        networks=_networks(environ),
        ca_file=_ca_file(environ),
    )


def _server(url: str, password: str) -> dict[str, object]:
    if not url:
        return {"EMAIL_BACKEND": _BACKENDS["none"]}
    if url == "console:":
        return {"EMAIL_BACKEND": _BACKENDS["console"]}
    if url.startswith("file:") and len(url) > len("file:"):
        return {"EMAIL_BACKEND": _BACKENDS["file"], "EMAIL_FILE_PATH": url.removeprefix("file:")}
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in _SMTP or not parts.hostname or parts.password or parts.query or parts.path not in {"", "/"}:
        # Not repeated: it may hold a password.
        raise SettingError(
            "MAIL_URL is no mail server: give smtp+starttls://user@mail.example.net:587, smtps://…, smtp://… (without"
            " encryption), file:/folder or console:. The password belongs into MAIL_PASSWORD or MAIL_PASSWORD_FILE."
        )
    return {
        "EMAIL_BACKEND": _BACKENDS["smtp"],
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": port or _SMTP[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": password,
        "EMAIL_USE_TLS": parts.scheme == "smtp+starttls",
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_TIMEOUT": 15,
    }


def _password(environ: Mapping[str, str]) -> str:
    given, path = environ.get("MAIL_PASSWORD", ""), environ.get("MAIL_PASSWORD_FILE", "").strip()
    if given and path:
        raise SettingError("MAIL_PASSWORD and MAIL_PASSWORD_FILE are both set: leave one out.")
    if not path:
        return given
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise SettingError(f"MAIL_PASSWORD_FILE names {path}, which cannot be read: give a text file.") from None


def _sender(environ: Mapping[str, str]) -> str:
    value = environ.get("MAIL_FROM", "").strip() or "Countersign <countersign@localhost>"
    if not value.isprintable() or not _ADDRESS.fullmatch(parseaddr(value)[1]):
        raise SettingError(f"MAIL_FROM is {value!r}: give an address such as Countersign <changes@example.net>.")
    return value


def _networks(environ: Mapping[str, str]) -> tuple[Network, ...]:
    value = environ.get("WEBHOOK_ALLOWED_NETWORKS", "")
    found = []
    for part in filter(None, (part.strip() for part in value.split(","))):
        try:
            found.append(ipaddress.ip_network(part))
        except ValueError:
            raise SettingError(
                f"WEBHOOK_ALLOWED_NETWORKS has {part!r}: give networks separated by commas, such as 10.1.0.0/16."
            ) from None
    return tuple(found)


def _ca_file(environ: Mapping[str, str]) -> str:
    value = environ.get("WEBHOOK_CA_FILE", "").strip()
    if value and not Path(value).is_file():
        raise SettingError(f"WEBHOOK_CA_FILE names {value}, which is no file: give a PEM file, or leave it out.")
    return value
