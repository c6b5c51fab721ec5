"""Where a device's inventory row, its pinned keys and its credential become an endpoint to connect to."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import ExitStack

from django.conf import settings

from audit.actor import Actor
from devices.credentials import credential_for
from devices.drivers.base import Driver, Endpoint
from devices.drivers.registry import open_driver
from devices.errors import DeviceError, HostKeyMismatchError
from devices.models import Device, HostKeyState
from devices.services.host_key_alerts import alert_raise


def pinned_keys(device: Device) -> tuple[str, ...]:
    """The host keys that the device may prove itself with, as "type base64", in a stable order."""
    keys = device.host_keys.filter(state=HostKeyState.PINNED).order_by("key_type")
    return tuple(key.openssh for key in keys)


def endpoint_for(device: Device) -> Endpoint:
    """The endpoint of a device, with its credential fetched now and kept in memory only.

    Raises:
        SecretUnavailableError: the credential provider cannot deliver.
    """
    return Endpoint(
        name=device.name,
        host=device.address,
        port=device.port,
        platform=device.platform,
        credential=credential_for(device.credential),
        host_keys=pinned_keys(device),
        connect_timeout_s=settings.DEVICE_CONNECT_TIMEOUT_S,
        read_timeout_s=settings.DEVICE_READ_TIMEOUT_S,
        driver=device.driver,
        ca_file=settings.DEVICE_CA_FILE,
        allow_plain_http=settings.DEVICE_ALLOW_PLAIN_HTTP,
    )


def driver_for(device: Device) -> Driver:
    """An unopened driver for a device; enter it to connect."""
    return open_driver(endpoint_for(device))


def _alert(device: Device, error: HostKeyMismatchError) -> None:
    """Tell the administrators which key was offered; where the device has offered none there is nothing to tell."""
    if error.offered is None:
        return
    key_type, public_key = error.offered
    actor = Actor.system("worker")
    alert_raise(device_id=device.pk, key_type=key_type, public_key=public_key, actor=actor)


def driver_connected(
    device: Device, session: ExitStack, *, on_attempt: Callable[[int], None] = lambda _number: None
) -> Driver:
    """A connected driver, which ``session`` closes; ``on_attempt`` is told of each attempt after the first.

    Transient errors are tried again with growing pauses; permanent ones (host key, credential) never are.

    Raises:
        DeviceError: that of the last attempt.
    """
    attempts = settings.DEVICE_CONNECT_ATTEMPTS
    for attempt in range(1, attempts + 1):
        try:
            return session.enter_context(driver_for(device))
        except HostKeyMismatchError as error:
            _alert(device, error)
            raise
        except DeviceError as error:
            if error.permanent or attempt == attempts:
                raise
            on_attempt(attempt + 1)
            jitter = random.uniform(0.8, 1.2)  # noqa: S311 - spreads retries, protects nothing
            time.sleep(settings.DEVICE_RETRY_BASE_S * 2 ** (attempt - 1) * jitter)
    raise AssertionError("the loop above returns or raises")
