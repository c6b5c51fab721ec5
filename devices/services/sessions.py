"""Where a device's inventory row, its pinned keys and its credential become an endpoint to connect to."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import ExitStack

from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from devices.credentials import Purpose, retrieve
from devices.credentials.rules_file import credential_rules
from devices.domain.credential_rules import Subject
from devices.domain.drivers import proof_demanded
from devices.domain.occasions import UNDECLARED, Occasion
from devices.domain.pins import serves
from devices.drivers.base import Credential, Driver, Endpoint
from devices.drivers.registry import open_driver
from devices.errors import DeviceError, HostKeyMismatchError, SecretScopeDeniedError, SecretUnavailableError
from devices.models import Device, HostKeyState
from devices.services.credential_uses import credential_use_record
from devices.services.host_key_alerts import unproved_report


def pinned_keys(device: Device) -> tuple[str, ...]:
    """What the device may prove itself with to its driver, as "type base64", in a stable order.

    SSH host keys, or its certificate for a driver that speaks HTTPS.
    """
    proof = proof_demanded(device.platform, device.driver)
    keys = device.host_keys.filter(state=HostKeyState.PINNED).order_by("key_type")
    return tuple(key.openssh for key in keys if serves(proof, key.key_type))


def credential_name_for(device: Device, purpose: str) -> str:
    """The name of the credential that the rules give a device for a purpose; nothing is fetched.

    Raises:
        SecretScopeDeniedError: no rule covers the device, or the credential's scope does not. None is used instead.
        SecretUnavailableError: the rules cannot be read.
    """
    subject = Subject(
        device=device.name,
        site=device.site,
        role=device.role,
        platform=device.platform,
        tags=tuple(device.tags),
        credential=device.credential,
    )
    name, refusal = credential_rules().choose(subject, purpose)
    if refusal:
        raise SecretScopeDeniedError(refusal, device=device.name)
    return name


@sensitive_variables()
def _credential(device: Device, occasion: Occasion) -> Credential:
    """The credential for this work, fetched now; each retrieval and each refusal is counted."""
    purpose, name = Purpose(occasion.purpose), ""
    try:
        name = credential_name_for(device, purpose)
        retrieved = retrieve(name, purpose)
    except (SecretScopeDeniedError, SecretUnavailableError) as error:
        credential_use_record(device=device, name=name, purpose=purpose, occasion=occasion, error=error)
        raise
    credential_use_record(device=device, name=name, purpose=purpose, occasion=occasion, retrieved=retrieved)
    return retrieved.credential


@sensitive_variables()
def endpoint_for(device: Device, occasion: Occasion = UNDECLARED) -> Endpoint:
    """The endpoint of a device, with its credential for this work fetched now and kept in memory only.

    Raises:
        SecretUnavailableError: the credential provider cannot deliver.
        SecretScopeDeniedError: no credential may be used for the device and this work.
    """
    return Endpoint(
        name=device.name,
        host=device.address,
        port=device.port,
        platform=device.platform,
        credential=_credential(device, occasion),
        host_keys=pinned_keys(device),
        connect_timeout_s=settings.DEVICE_CONNECT_TIMEOUT_S,
        read_timeout_s=settings.DEVICE_READ_TIMEOUT_S,
        driver=device.driver,
        ca_file=settings.DEVICE_CA_FILE,
        allow_plain_http=settings.DEVICE_ALLOW_PLAIN_HTTP,
    )


@sensitive_variables()
def driver_for(device: Device, occasion: Occasion = UNDECLARED) -> Driver:
    """An unopened driver for a device; enter it to connect. ``occasion`` is the work that it is for."""
    return open_driver(endpoint_for(device, occasion))


def driver_connected(
    device: Device,
    session: ExitStack,
    *,
    occasion: Occasion = UNDECLARED,
    on_attempt: Callable[[int], None] = lambda _number: None,
) -> Driver:
    """A connected driver, which ``session`` closes; ``on_attempt`` is told of each attempt after the first.

    ``occasion`` says what the session is for, and with that which credential opens it.

    Transient errors are tried again with growing pauses; permanent ones (host key, credential) never are.

    Raises:
        DeviceError: that of the last attempt.
    """
    attempts = settings.DEVICE_CONNECT_ATTEMPTS
    for attempt in range(1, attempts + 1):
        try:
            return session.enter_context(driver_for(device, occasion))
        except HostKeyMismatchError as error:
            unproved_report(device, error)
            raise
        except DeviceError as error:
            if error.permanent or attempt == attempts:
                raise
            on_attempt(attempt + 1)
            jitter = random.uniform(0.8, 1.2)  # noqa: S311 - spreads retries, protects nothing
            time.sleep(settings.DEVICE_RETRY_BASE_S * 2 ** (attempt - 1) * jitter)
    raise AssertionError("the loop above returns or raises")
