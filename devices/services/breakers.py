"""Breakers in the database: asking before an attempt, telling its outcome, closing one by hand.

An attempt asks with one query; while everything is well nothing is written. Each change is one short transaction on one
row. The time is the database's, since workers on several hosts share the rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from audit.actor import Actor
from audit.recorder import record
from devices.domain.breaker import Admission, Breaker, BreakerKind, BreakerPolicy, BreakerState
from devices.errors import (
    AuthenticationFailedError,
    AuthorizationDeniedError,
    BreakerOpenError,
    DeviceError,
    DeviceNotFoundError,
    HostKeyMismatchError,
    OutdatedError,
    UnreachableError,
)
from devices.models import CircuitBreaker, Device
from devices.services.refusals import remembering_refusal
from devices.services.rights import ADMINISTRATOR, checked_reason, require_role
from devices.services.statements import prepared

WORKER: Final = Actor.system("worker")
HOLD_S: Final = 0.2
"""Between two looks at a breaker whose trials are under way."""
_FIELDS: Final = tuple(field.name for field in fields(Breaker))
_LOOK: Final = (
    f"SELECT {', '.join(_FIELDS)}, statement_timestamp()"  # noqa: S608 - names of columns
    " FROM devices_circuitbreaker WHERE kind = %s AND name = %s"
)
_CAUSES: Final[dict[BreakerKind, type[DeviceError]]] = {
    BreakerKind.CREDENTIAL: AuthenticationFailedError,
    BreakerKind.SITE: UnreachableError,
}

_ANSWERED: Final = (AuthenticationFailedError, AuthorizationDeniedError, HostKeyMismatchError)
"""Errors of a device that answered, so that its site can be reached."""


def policy_of(kind: BreakerKind) -> BreakerPolicy:
    """When breakers of this kind open, by the settings."""
    is_credential = kind is BreakerKind.CREDENTIAL
    return BreakerPolicy(
        failures=settings.COUNTERSIGN_BREAKER_CREDENTIAL_FAILURES
        if is_credential
        else settings.COUNTERSIGN_BREAKER_SITE_FAILURES,
        window_s=settings.COUNTERSIGN_BREAKER_WINDOW_S,
        cool_down_s=settings.COUNTERSIGN_BREAKER_COOL_DOWN_S,
        longest_s=settings.COUNTERSIGN_BREAKER_COOL_DOWN_S * 8,
        give_up_s=settings.COUNTERSIGN_BREAKER_GIVE_UP_S,
        trial_s=_longest_trial_s(is_credential),
        proof_s=settings.COUNTERSIGN_BREAKER_PROOF_S if is_credential else 0,
        distinct=not is_credential,
    )


def _longest_trial_s(is_credential: bool) -> float:
    """For how long a trial may be under way: one sign-in, or for a site all attempts to reach a device and the pauses.

    Taken for lost too early, a second device would try beside the first; too late, a lost worker's trial holds all up.
    """
    one_s = settings.DEVICE_CONNECT_TIMEOUT_S * 3
    if is_credential:
        return one_s
    pauses_s = sum(
        settings.DEVICE_RETRY_BASE_S * settings.DEVICE_RETRY_FACTOR**number * (1 + settings.DEVICE_RETRY_JITTER)
        for number in range(settings.DEVICE_CONNECT_ATTEMPTS - 1)
    )
    return one_s * settings.DEVICE_CONNECT_ATTEMPTS + pauses_s


@dataclass(frozen=True, slots=True)
class Permit:
    """One breaker's leave for one attempt; ``trial``: it waits to hear the outcome."""

    kind: BreakerKind
    name: str
    trial: bool
    tells_success: bool


@contextmanager
def guarded(kind: BreakerKind, name: str, device: Device) -> Iterator[None]:
    """Reach for a device inside: the breaker is asked before, and told the outcome. Without a name there is none.

    Raises:
        BreakerOpenError: it is open; nothing was tried.
    """
    if not name or not policy_of(kind).failures:
        yield
        return
    permit = _admitted(device, kind, name)
    try:
        yield
    except DeviceError as error:
        _tell_error(permit, device, error)
        raise
    except BaseException:
        _tell_nothing(permit)
        raise
    _tell_success(permit)


def _admitted(device: Device, kind: BreakerKind, name: str) -> Permit:
    policy = policy_of(kind)
    deadline = time.monotonic() + policy.trial_s
    while True:
        breaker, now = _looked_up(kind, name)
        admission = breaker.admission(policy, now)
        if admission is Admission.GO:
            return Permit(kind, name, trial=False, tells_success=breaker.learns_of_success(policy, now))
        if admission is Admission.TRY and _began_trial(kind, name, policy):
            return Permit(kind, name, trial=True, tells_success=True)
        if admission in {Admission.WAIT, Admission.GIVE_UP} or time.monotonic() > deadline:
            hopeless = admission is Admission.GIVE_UP
            raise _refusal(kind, breaker, device, wait_s=max(breaker.wait_s(now), 1.0), hopeless=hopeless)
        time.sleep(HOLD_S)


def _refusal(kind: BreakerKind, breaker: Breaker, device: Device, *, wait_s: float, hopeless: bool) -> BreakerOpenError:
    """The sentence names no credential: not everybody who reads a run may know which there are."""
    if kind is BreakerKind.CREDENTIAL:
        why = f"{breaker.failures} sign-ins in a row with this device's credential were refused, the last one by"
        held = "More could lock the account, so it is not tried"
    else:
        why = f"{breaker.failures} devices in a row of the site {device.site} could not be reached, the last one was"
        held = "This device is not tried"
    left = "any more: it has been so for too long" if hopeless else f"before {max(round(wait_s), 1)} s are over"
    return BreakerOpenError(
        f"{why} {breaker.last_subject}. {held} {left}.", wait_s=wait_s, hopeless=hopeless, device=device.name
    )


def _looked_up(kind: BreakerKind, name: str) -> tuple[Breaker, datetime]:
    """The breaker as it stands and the database's time; a new one, of which no time matters, where there is no row."""
    rows = prepared(_LOOK, [kind.value, name])
    if not rows:
        return Breaker(), timezone.now()
    *values, now = rows[0]
    found = dict(zip(_FIELDS, values, strict=True))
    return Breaker(**{**found, "state": BreakerState(found["state"])}), now


def _database_time() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        found: datetime = cursor.fetchone()[0]
        return found


def _breaker(row: CircuitBreaker) -> Breaker:
    values = {name: getattr(row, name) for name in _FIELDS}
    return Breaker(**{**values, "state": BreakerState(row.state)})


def _began_trial(kind: BreakerKind, name: str, policy: BreakerPolicy) -> bool:
    """Take one of the trials, unless others were faster."""
    with transaction.atomic():
        row = _locked(kind, name)
        breaker, now = _breaker(row), _database_time()
        if breaker.admission(policy, now) is not Admission.TRY:
            return False
        _write(row, breaker.trying(policy, now))
        return True


def _locked(kind: BreakerKind, name: str) -> CircuitBreaker:
    """The row, made where there was none, locked until the transaction ends."""
    CircuitBreaker.objects.bulk_create([CircuitBreaker(kind=kind.value, name=name)], ignore_conflicts=True)
    return CircuitBreaker.objects.select_for_update(no_key=True).get(kind=kind.value, name=name)


def _tell_error(permit: Permit, device: Device, error: DeviceError) -> None:
    if isinstance(error, _CAUSES[permit.kind]):

        def failed(breaker: Breaker, policy: BreakerPolicy, now: datetime) -> Breaker:
            return breaker.failed(policy, now, subject=device.name, trial=permit.trial)

        _store(permit, failed, code=error.code, device=device)
    elif permit.kind is BreakerKind.SITE and isinstance(error, _ANSWERED):
        _tell_success(permit)
    else:
        _tell_nothing(permit)


def _tell_success(permit: Permit) -> None:
    if permit.tells_success:
        _store(permit, lambda breaker, policy, now: breaker.succeeded(policy, now))


def _tell_nothing(permit: Permit) -> None:
    if permit.trial:
        _store(permit, lambda breaker, _policy, now: breaker.ended(now))


def _store(
    permit: Permit,
    change: Callable[[Breaker, BreakerPolicy, datetime], Breaker],
    *,
    code: str = "",
    device: Device | None = None,
) -> None:
    """Change the row under its lock; opening and closing are audited."""
    policy = policy_of(permit.kind)
    with transaction.atomic():
        row = _locked(permit.kind, permit.name)
        before = BreakerState(row.state)
        after = change(_breaker(row), policy, _database_time())
        _write(row, after, code=code)
        if after.state is not before and after.state is not BreakerState.HALF_OPEN:
            _audit(row, WORKER, before, after.state, code=code, device=device)


def _write(row: CircuitBreaker, breaker: Breaker, *, code: str = "") -> None:
    for name in _FIELDS:
        setattr(row, name, getattr(breaker, name))
    row.state = breaker.state.value
    row.last_code = code or (row.last_code if breaker.failures else "")
    row.save(update_fields=[*_FIELDS, "last_code"])


def _audit(
    row: CircuitBreaker,
    actor: Actor,
    before: BreakerState,
    after: BreakerState,
    *,
    code: str = "",
    reason: str = "",
    device: Device | None = None,
) -> None:
    record(
        actor=actor,
        action="breaker.reset" if reason else f"breaker.{'opened' if after is BreakerState.OPEN else 'closed'}",
        object_type="breaker",
        object_id=row.pk,
        object_label=f"{row.get_kind_display()} {row.name}",
        device_id=device.pk if device else None,
        state_from=before.value,
        state_to=after.value,
        code=code,
        reason=reason,
        details={"failures": row.failures, "open_until": row.open_until.isoformat() if row.open_until else None},
    )


def breakers_troubled() -> QuerySet[CircuitBreaker]:
    """The breakers that are not closed, or have failures counted against them; those that hold something back first."""
    troubled = CircuitBreaker.objects.exclude(state=BreakerState.CLOSED.value, failures=0)
    return troubled.order_by(F("opened_at").desc(nulls_last=True), "kind", "name")[:200]


def breakers_holding_count() -> int:
    """How many breakers hold devices back now."""
    return CircuitBreaker.objects.exclude(state=BreakerState.CLOSED.value).count()


def breaker_reset(*, breaker_id: int, reason: str, actor: Actor) -> CircuitBreaker:
    """Close a breaker by hand, once its cause is repaired; audited. The next attempts are trials like the first ones.

    Raises:
        NotPermittedError: no administrator.
        BadFieldsError: no reason was given.
        DeviceNotFoundError: there is no such breaker.
        OutdatedError: it is closed already, with nothing held against it.
    """
    found = CircuitBreaker.objects.filter(pk=breaker_id).first()
    if found is None:
        raise DeviceNotFoundError(f"There is no breaker with the id {breaker_id}.")
    with remembering_refusal(
        actor=actor,
        action="breaker.reset_refused",
        object_type="breaker",
        object_id=breaker_id,
        object_label=str(found),
        device_id=None,
    ):
        require_role(actor, "close a breaker", ADMINISTRATOR)
        said = checked_reason(reason)
        row = CircuitBreaker.objects.select_for_update(no_key=True).get(pk=breaker_id)
        before = BreakerState(row.state)
        if before is BreakerState.CLOSED and not row.failures:
            raise OutdatedError("This breaker is closed already, and nothing is held against it.")
        _write(row, Breaker())
        _audit(row, actor, before, BreakerState.CLOSED, reason=said)
        return row
