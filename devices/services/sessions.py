"""Where a device's inventory row, its pinned keys and its credential become an endpoint to connect to."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from devices.credentials import Purpose, retrieve
from devices.credentials.rules_file import credential_rules
from devices.domain.breaker import BreakerKind
from devices.domain.credential_rules import Subject
from devices.domain.drivers import proof_demanded
from devices.domain.occasions import UNDECLARED, Occasion
from devices.domain.pins import serves
from devices.domain.retry import RetryPolicy
from devices.drivers.base import Credential, Driver, Endpoint
from devices.drivers.registry import open_driver
from devices.errors import (
    BreakerOpenError,
    DeviceError,
    HostKeyMismatchError,
    SecretScopeDeniedError,
    SecretUnavailableError,
)
from devices.models import Device, HostKeyState
from devices.services.breakers import guarded
from devices.services.credential_uses import credential_use_record
from devices.services.host_key_alerts import unproved_report


def pinned_keys(device: Device) -> tuple[str, ...]:
    """What the device may prove itself with to its driver, as "type base64", in a stable order.

    SSH host keys, or its certificate for a driver that speaks HTTPS.
    """
    proof = proof_demanded(device.platform, device.driver)
    keys = sorted(
        (key for key in device.host_keys.all() if key.state == HostKeyState.PINNED), key=lambda key: key.key_type
    )
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


@dataclass(frozen=True, slots=True)
class Retry:
    """An attempt that failed for a transient reason, and the pause before the next one."""

    attempt: int
    code: str
    detail: str
    wait_s: float


def retry_policy() -> RetryPolicy:
    """When transient errors before any write are tried again, by the settings."""
    return RetryPolicy(
        settings.DEVICE_CONNECT_ATTEMPTS,
        settings.DEVICE_RETRY_BASE_S,
        settings.DEVICE_RETRY_FACTOR,
        settings.DEVICE_RETRY_JITTER,
    )


def pause_before_next(attempt: int) -> float:
    """Seconds to wait after the attempt with this number, spread by chance so that devices do not come back at once."""
    return retry_policy().pause_s(attempt, random.uniform(-1, 1))  # noqa: S311 - spreads retries, protects nothing


def driver_connected(
    device: Device,
    session: ExitStack,
    *,
    occasion: Occasion = UNDECLARED,
    on_retry: Callable[[Retry], None] = lambda _retry: None,
    reads_back: bool = False,
) -> Driver:
    """A connected driver, which ``session`` closes; ``on_retry`` is told of each attempt that is followed by another.

    ``occasion`` says what the session is for, and with that which credential opens it. Transient errors are tried again
    with growing pauses; permanent ones (host key, credential) never are. The breakers of the device's site and
    credential are asked first. ``reads_back``: the device must be looked at however its site is doing, and may be
    restarting, so its site's breaker is neither asked nor told.

    Raises:
        BreakerOpenError: nothing was tried.
        DeviceError: that of the last attempt.
    """
    with guarded(BreakerKind.SITE, "" if reads_back else device.site, device):
        for attempt in range(1, settings.DEVICE_CONNECT_ATTEMPTS + 1):
            try:
                with guarded(BreakerKind.CREDENTIAL, _credential_name(device, occasion), device):
                    return session.enter_context(driver_for(device, occasion))
            except HostKeyMismatchError as error:
                unproved_report(device, error)
                raise
            except BreakerOpenError:
                raise
            except DeviceError as error:
                if not retry_policy().goes_on(attempt, permanent=error.permanent):
                    raise
                wait_s = pause_before_next(attempt)
                on_retry(Retry(attempt, error.code, error.detail, wait_s))
            time.sleep(wait_s)
    raise AssertionError("the loop above returns or raises")


def _credential_name(device: Device, occasion: Occasion) -> str:
    """The name that is asked about; "" where there is none, which `driver_for` refuses with its reason."""
    try:
        return credential_name_for(device, occasion.purpose)
    except (SecretScopeDeniedError, SecretUnavailableError):
        return ""
