"""Named exceptions from gates: asked for by one person, decided by another, ended by time or by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from audit.actor import Actor
from audit.recorder import record
from changes.domain.errors import InvalidInputError
from changes.domain.gate_policy import may_decide_exception, may_request_exception, may_revoke_exception
from changes.domain.gates import COVERABLE, Gate
from changes.domain.input import Findings, hidden_character, unix_lines, unknown_names
from changes.errors import ChangeNotFoundError, ConflictError
from changes.models import ExceptionState, GateException
from changes.services.people import enforce, person_of
from devices.models import Device

LONGEST: Final = timedelta(days=90)
MAX_TEXT: Final = 2_000
MAX_DEVICES: Final = 500
MAX_NAMES: Final = 50
FIELDS: Final = frozenset({"gate", "code", "device_ids", "sites", "roles", "reason", "expires_at"})


@transaction.atomic
def exception_request(*, data: Mapping[str, object], requester: Actor) -> GateException:
    """Ask for an exception; it lets nothing through before a second person has approved it.

    ``data``: ``gate``, ``code``, ``device_ids`` (whole numbers) or ``sites`` and ``roles`` (names), ``reason``,
    ``expires_at`` (a moment with its time zone, at most 90 days from now).

    Raises:
        PolicyDeniedError: the person holds none of the roles.
        InvalidInputError: with a sentence for each field that cannot be used.
    """
    person = person_of(requester)
    enforce(may_request_exception(person))
    values = _checked(data)
    found = GateException.objects.create(**values, state=ExceptionState.REQUESTED, requested_by_id=person.id)
    _audit(found, requester, "gate_exception.requested", state_from="", reason=found.reason)
    return found


@transaction.atomic
def exception_approve(*, exception_id: int, approver: Actor, comment: str = "") -> GateException:
    """Let the exception hold until it expires. The approver is another person than the requester, superuser or not.

    Raises:
        ChangeNotFoundError: there is no such exception.
        PolicyDeniedError: the person requested it, or holds none of the roles.
        ConflictError: it is decided already, or has expired.
    """
    return _decide(exception_id, approver, ExceptionState.APPROVED, _text(comment))


@transaction.atomic
def exception_reject(*, exception_id: int, approver: Actor, comment: str) -> GateException:
    """Refuse an exception, with a reason.

    Raises:
        ChangeNotFoundError, PolicyDeniedError, ConflictError: as for :func:`exception_approve`.
        InvalidInputError: no reason is given.
    """
    return _decide(exception_id, approver, ExceptionState.REJECTED, _text(comment, required="comment"))


@transaction.atomic
def exception_revoke(*, exception_id: int, actor: Actor, reason: str) -> GateException:
    """End an exception before its time, or take a request back; from now on it lets nothing through.

    Raises:
        ChangeNotFoundError: there is no such exception.
        PolicyDeniedError: the person neither requested it nor holds a role that may end it.
        ConflictError: it holds no more.
        InvalidInputError: no reason is given.
    """
    found = _locked(exception_id)
    person = person_of(actor)
    enforce(may_revoke_exception(person, requester_id=found.requested_by_id))
    said = _text(reason, required="reason")
    if found.state not in {ExceptionState.REQUESTED, ExceptionState.APPROVED}:
        raise ConflictError(f"{found.number} is {found.state} already. Nothing was changed.")
    before, found.state = found.state, ExceptionState.REVOKED.value
    found.revoked_by_id, found.revoked_at, found.revoke_reason = person.id, timezone.now(), said
    found.save(update_fields=["state", "revoked_by", "revoked_at", "revoke_reason"])
    _audit(found, actor, "gate_exception.revoked", state_from=before, reason=said)
    return found


def _decide(exception_id: int, approver: Actor, state: ExceptionState, comment: str) -> GateException:
    found = _locked(exception_id)
    person = person_of(approver)
    enforce(may_decide_exception(person, requester_id=found.requested_by_id))
    if found.state != ExceptionState.REQUESTED:
        raise ConflictError(f"{found.number} is {found.state} already. Nothing was changed.")
    if found.expires_at <= timezone.now():
        raise ConflictError(f"{found.number} has expired before it was decided. Nothing was changed.")
    found.state = state.value
    found.decided_by_id, found.decided_at, found.decision_comment = person.id, timezone.now(), comment
    found.save(update_fields=["state", "decided_by", "decided_at", "decision_comment"])
    _audit(found, approver, f"gate_exception.{state.value}", state_from=ExceptionState.REQUESTED, reason=comment)
    return found


def _locked(exception_id: int) -> GateException:
    found = GateException.objects.select_for_update(no_key=True).filter(pk=exception_id).first()
    if found is None:
        raise ChangeNotFoundError(f"There is no exception with the id {exception_id}.")
    return found


def _audit(found: GateException, actor: Actor, action: str, *, state_from: str, reason: str) -> None:
    record(
        actor=actor,
        action=action,
        object_type="gate_exception",
        object_id=found.pk,
        object_label=found.number,
        state_from=state_from,
        state_to=found.state,
        code=found.code,
        reason=reason,
        details={
            "gate": found.gate,
            "device_ids": list(found.device_ids),
            "sites": list(found.sites),
            "roles": list(found.roles),
            "expires_at": found.expires_at.isoformat(),
            "requested_by": found.requested_by_id,
        },
    )


def _text(value: str, *, required: str = "") -> str:
    text = unix_lines(value).strip()
    problem = hidden_character(text, allowed="\n\t")
    if required and not text:
        problem = "Say why, in a sentence: it is kept with the exception and in the audit log."
    if len(text) > MAX_TEXT:
        problem = f"Shorten this to {MAX_TEXT} characters."
    if problem:
        raise InvalidInputError({required or "comment": [problem]})
    return text


def _checked(data: Mapping[str, object]) -> dict[str, object]:
    findings = Findings()
    for name, sentence in unknown_names(data, FIELDS, "field").items():
        findings.add(name, sentence)
    gate, code = str(data.get("gate") or ""), str(data.get("code") or "")
    known = {item.value: codes for item, codes in COVERABLE.items()}
    if gate not in known:
        findings.add("gate", f"Choose one of: {', '.join(known)}. No other gate can be excepted from.")
    elif code not in known[gate]:
        label = Gate(gate).label
        findings.add("code", f"At “{label}” an exception can cover: {', '.join(known[gate])}. Nothing else is covered.")
    ids = _device_ids(data.get("device_ids"), findings)
    sites, roles = (_names(data.get(name), name, findings) for name in ("sites", "roles"))
    if ids and (sites or roles):
        findings.add("device_ids", "Name devices, or sites and roles, but not both.")
    if not findings.fields and not (ids or sites or roles):
        findings.add("device_ids", "Say which devices it is for: name them, or a site or a role.")
    reason = data.get("reason")
    try:
        reason = _text(reason if isinstance(reason, str) else "", required="reason")
    except InvalidInputError as error:
        findings.absorb(error)
    expires_at = _moment(data.get("expires_at"), findings)
    findings.check()
    return {
        "gate": gate,
        "code": code,
        "device_ids": ids,
        "sites": sites,
        "roles": roles,
        "reason": reason,
        "expires_at": expires_at,
    }


def _device_ids(given: object, findings: Findings) -> list[int]:
    if given in (None, ""):
        return []
    if not isinstance(given, list) or any(not isinstance(item, int) or isinstance(item, bool) for item in given):
        findings.add("device_ids", "Give a list of device ids, such as [4, 7].")
        return []
    ids = sorted(set(given))
    if len(ids) > MAX_DEVICES:
        findings.add("device_ids", f"Name at most {MAX_DEVICES} devices, or a site or a role instead.")
        return []
    missing = set(ids) - set(Device.objects.filter(pk__in=ids).values_list("pk", flat=True))
    if missing:
        findings.add("device_ids", f"There is no device with the id {min(missing)}.")
    return ids


def _names(given: object, field: str, findings: Findings) -> list[str]:
    if given in (None, ""):
        return []
    if not isinstance(given, list) or any(not isinstance(item, str) for item in given):
        findings.add(field, f"Give a list of names of {field}.")
        return []
    names = sorted({item.strip() for item in given if item.strip()})
    if len(names) > MAX_NAMES:
        findings.add(field, f"Name at most {MAX_NAMES} {field}.")
        return []
    column = field.removesuffix("s")
    known = set(Device.objects.filter(**{f"{column}__in": names}).values_list(column, flat=True))
    for name in names:
        if name not in known:
            findings.add(field, f"No device has the {column} “{name[:60]}”.")
    return names


def _moment(given: object, findings: Findings) -> datetime | None:
    now = timezone.now()
    try:
        moment = given if isinstance(given, datetime) else datetime.fromisoformat(str(given or ""))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        findings.add("expires_at", "Say when it ends, with the time zone, such as 2030-01-31T18:00+00:00.")
        return None
    if moment <= now:
        findings.add("expires_at", "This moment has passed. Give one in the future.")
    elif moment > now + LONGEST:
        findings.add("expires_at", f"An exception ends after at most {LONGEST.days} days. Request another one then.")
    return moment
