"""Asking for an evidence pack, and the events of its life."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from django.db import transaction
from django_q.tasks import async_task

from audit.actor import Actor, Origin
from audit.filters import EventFilter
from audit.recorder import ObjectType, record
from audit.sealing.enclosing import head_of_size
from changes.domain.errors import ChangeError, InvalidInputError
from changes.domain.evidence import OPEN, PackScope, PackState, may_have_evidence
from changes.errors import ChangeNotFoundError, ConflictError
from changes.models import ChangeRequest, EvidencePack
from changes.services.evidence.archived import demand_all_there
from changes.services.people import enforce, person_of

OPEN_AT_ONCE: Final = 20
"""So many packs may wait or be made at a time."""
HELD_AT_ONCE: Final = 20
TASK_LIMIT_S: Final = 6 * 3600


def pack_ask(
    *,
    actor: Actor,
    scope: PackScope,
    change_id: int | None = None,
    filters: Mapping[str, str] | None = None,
    held_sizes: Sequence[int] = (),
) -> EvidencePack:
    """Put an evidence pack on the list of those to be made, and call a worker.

    ``held_sizes`` are sizes of tree heads that the asker holds: the pack proves that the log continues them.

    Raises:
        PolicyDeniedError: the person is neither auditor, change manager nor administrator. The refusal is audited.
        ChangeNotFoundError: there is no such change.
        FilterError: a filter that does not exist, or a value that it cannot have.
        InvalidInputError: no choice of events, or a tree head that this log never had.
        ConflictError: too many packs are being made.
        EventArchivedError: events that it needs went to archives.
    """
    try:
        with transaction.atomic():
            return _ask(actor, scope, change_id, dict(filters or {}), held_sizes)
    except ChangeNotFoundError:
        raise
    except ChangeError as refusal:
        refusal_audit(actor, "ask", "none", refusal)
        raise


def _ask(
    actor: Actor, scope: PackScope, change_id: int | None, filters: dict[str, str], held_sizes: Sequence[int]
) -> EvidencePack:
    if actor.origin is not Origin.COMMAND:
        enforce(may_have_evidence(person_of(actor)))
    chosen = EventFilter.parse(filters)
    if scope is PackScope.FILTER and chosen == EventFilter():
        raise InvalidInputError({"filters": ["Choose by at least one filter, or ask for the whole log."]})
    change = None
    if scope is PackScope.CHANGE:
        change = ChangeRequest.objects.filter(pk=change_id or 0).first()
        if change is None:
            raise ChangeNotFoundError(f"There is no change with the number {change_id}.")
    demand_all_there(scope, change_id)
    _check_held(held_sizes)
    if EvidencePack.objects.filter(state__in=OPEN).count() >= OPEN_AT_ONCE:
        raise ConflictError(f"{OPEN_AT_ONCE} evidence packs are being made already. Try again when one is ready.")
    pack = EvidencePack.objects.create(
        scope=scope,
        change=change,
        filters={name: value for name, value in filters.items() if value} if scope is PackScope.FILTER else {},
        held_sizes=sorted(set(held_sizes)),
        asked_by_id=actor.user_id,
        asked_name=actor.username,
    )
    asked = {"scope": pack.scope, "filters": pack.filters, "held_sizes": pack.held_sizes}
    pack.asked_event = pack_audit(pack, "asked", actor=actor, state_to=PackState.WAITING, details=asked)
    pack.save(update_fields=["asked_event"])
    ring_makers(pack.pk)
    return pack


def _check_held(sizes: Sequence[int]) -> None:
    if len(sizes) > HELD_AT_ONCE:
        raise InvalidInputError({"held_sizes": [f"Give at most {HELD_AT_ONCE} sizes of tree heads."]})
    for size in sizes:
        if size < 1 or head_of_size(size) is None:
            sentence = f"This log has no tree head over {size} entries. If you hold one, two histories were signed."
            raise InvalidInputError({"held_sizes": [sentence]})


def pack_audit(
    pack: EvidencePack,
    did: str,
    *,
    actor: Actor,
    state_from: str = "",
    state_to: str = "",
    code: str = "",
    reason: str = "",
    details: Mapping[str, object] | None = None,
) -> int:
    """Write an event of a pack's life in the caller's transaction; its id."""
    return record(
        actor=actor,
        action=f"evidence_pack.{did}",
        object_type=ObjectType.EVIDENCE_PACK,
        object_id=pack.pk,
        object_label=str(pack),
        state_from=state_from,
        state_to=state_to,
        code=code,
        reason=reason,
        details=details,
    )


def refusal_audit(actor: Actor, attempt: str, pack_id: int | str, refusal: ChangeError) -> None:
    """Record an attempt that was refused, in a transaction of its own."""
    with transaction.atomic():
        record(
            actor=actor,
            action=f"evidence_pack.{attempt}_refused",
            object_type=ObjectType.EVIDENCE_PACK,
            object_id=pack_id,
            code=refusal.code,
            reason=str(refusal),
        )


def ring_makers(pack_id: int) -> None:
    """Call a worker for a pack once the present transaction is committed; losing the call costs seconds."""

    def ring() -> None:
        async_task("changes.tasks.evidence_pack_make", pack_id, timeout=TASK_LIMIT_S)

    transaction.on_commit(ring, robust=True)
