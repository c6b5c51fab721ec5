"""The settings of the NetBox source, from the environment; a bad one is refused with one sentence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from devices.domain.netbox_filters import UnknownNetBoxFilterError, parse_device_filter
from portal.environment import SettingError

SECRET_MIN_LENGTH: Final = 16
_FIELD = re.compile(r"[A-Za-z0-9_]{1,50}")
_CREDENTIAL = re.compile(r"[A-Za-z0-9._-]{1,100}")
_SLUG_START = re.compile(r"[A-Za-z0-9_-]{1,50}")
_TOKEN = re.compile(r"[\x21-\x7e]{8,400}")


@dataclass(frozen=True)
class NetBoxEnvironment:
    """Where NetBox is and what is wanted of it; ``url`` is empty where there is none. Times are seconds."""

    url: str
    token: str
    filter: Mapping[str, list[str]]
    webhook_secret: str
    sync_s: int
    full_sync_s: int
    timeout_s: int
    platform_field: str
    credential_field: str
    credential: str
    criticality_field: str
    criticality_tag: str


def read_netbox(environ: Mapping[str, str]) -> NetBoxEnvironment:
    """Read and check every setting.

    Raises:
        SettingError: the first that is wrong. The token and the webhook's secret are never repeated.
    """
    url = _url(environ)
    return NetBoxEnvironment(
        url=url,
        token=_token(environ, url),
        filter=_filter(environ),
        webhook_secret=_webhook_secret(environ),
        sync_s=_seconds(environ, "NETBOX_SYNC_S", 300, lowest=30) if url else 0,
        full_sync_s=_seconds(environ, "NETBOX_FULL_SYNC_S", 43_200, lowest=300) or 43_200,
        timeout_s=_seconds(environ, "NETBOX_TIMEOUT_S", 60, lowest=1) or 60,
        platform_field=_named(environ, "NETBOX_PLATFORM_FIELD", "countersign_platform", _FIELD),
        credential_field=_named(environ, "NETBOX_CREDENTIAL_FIELD", "countersign_credential", _FIELD),
        credential=_named(environ, "NETBOX_CREDENTIAL", "", _CREDENTIAL),
        criticality_field=_named(environ, "NETBOX_CRITICALITY_FIELD", "criticality", _FIELD),
        criticality_tag=_named(environ, "NETBOX_CRITICALITY_TAG", "criticality-", _SLUG_START),
    )


def _text(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name, "").strip()


def _url(environ: Mapping[str, str]) -> str:
    value = _text(environ, "NETBOX_URL")
    if not value:
        return ""
    try:
        parts = urlsplit(value)
        port_is_good = parts.port is None or parts.port > 0
    except ValueError:
        parts, port_is_good = urlsplit(""), False
    plain = not parts.query and not parts.fragment and "@" not in parts.netloc
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_is_good or not plain:
        # Not repeated: it may hold a password.
        raise SettingError(
            "NETBOX_URL is no address of a NetBox: give it as people open it, such as https://netbox.example.net, "
            "without a user name, a query or /api."
        )
    return value.rstrip("/").removesuffix("/api")


def _token(environ: Mapping[str, str], url: str) -> str:
    value = _text(environ, "NETBOX_TOKEN")
    if url and not value:
        raise SettingError("NETBOX_URL is set and NETBOX_TOKEN is not: make an API token in NetBox and set it.")
    if value and not _TOKEN.fullmatch(value):
        raise SettingError(
            "NETBOX_TOKEN is no NetBox token: copy it as NetBox shows it once, 40 hexadecimal digits or nbt_….…, "
            "without the word “Token” or “Bearer”."
        )
    return value


def _filter(environ: Mapping[str, str]) -> Mapping[str, list[str]]:
    try:
        return parse_device_filter(_text(environ, "NETBOX_FILTER"))
    except UnknownNetBoxFilterError as error:
        raise SettingError(f"NETBOX_FILTER cannot be used: {error}") from None


def _webhook_secret(environ: Mapping[str, str]) -> str:
    value = _text(environ, "NETBOX_WEBHOOK_SECRET")
    if value and len(value) < SECRET_MIN_LENGTH:
        raise SettingError(
            f"NETBOX_WEBHOOK_SECRET has {len(value)} characters: use at least {SECRET_MIN_LENGTH} random ones, "
            "the same as in NetBox's webhook; leave it unset to take no webhooks."
        )
    return value


def _seconds(environ: Mapping[str, str], name: str, default: int, *, lowest: int) -> int:
    value = _text(environ, name)
    if not value:
        return default
    if not value.isdecimal() or (int(value) != 0 and not lowest <= int(value) <= 31_536_000):
        raise SettingError(f"{name} is {value!r}: give a whole number of seconds from {lowest}, or 0 for never.")
    return int(value)


def _named(environ: Mapping[str, str], name: str, default: str, pattern: re.Pattern[str]) -> str:
    value = _text(environ, name)
    if value and not pattern.fullmatch(value):
        raise SettingError(f"{name} is {value!r}: give a name of letters, digits and underscores.")
    return value or default
