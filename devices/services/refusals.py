"""How a refused decision is remembered: what was tried is rolled back, and who was refused stands in the audit log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from audit.actor import Actor
from audit.recorder import record
from devices.errors import DeviceError, DeviceNotFoundError


@contextmanager
def remembering_refusal(
    *,
    actor: Actor,
    action: str,
    object_type: str,
    object_id: int,
    object_label: str,
    device_id: int | None,
    refusals: tuple[type[Exception], ...] = (DeviceError,),
) -> Iterator[None]:
    """Run one attempt in a transaction of its own; when it is refused, roll it back and audit the refusal.

    ``action`` ends in ``_refused``. ``refusals`` are errors with a ``code``; the error goes on to the caller. Nothing
    is kept of attempts on what does not exist.
    """
    try:
        with transaction.atomic():
            yield
    except DeviceNotFoundError:
        raise
    except refusals as refusal:
        with transaction.atomic():
            record(
                actor=actor,
                action=action,
                object_type=object_type,
                object_id=object_id,
                object_label=object_label,
                device_id=device_id,
                code=str(getattr(refusal, "code", "")),
                reason=str(refusal),
            )
        raise
