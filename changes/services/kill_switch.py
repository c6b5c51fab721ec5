"""The kill switch: engaged by one person at once, released by a second one. Meanwhile nothing begins to write.

It stops first writes: no run starts or goes on, no wave opens, no device is begun. A device that already has a part of
a change is brought to a known end, and reading goes on: planning, backups, read-backs. Releasing starts nothing by
itself: each run that was paused by it is resumed by a person (ADR 0016).
"""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.db.models import Exists
from django.db.models.functions import Now

from audit.actor import Actor
from audit.recorder import record
from changes.domain import policy
from changes.domain.content import parse_comment
from changes.domain.errors import ChangeError
from changes.domain.orders import KILL_SWITCH_ENGAGED
from changes.errors import ConflictError
from changes.models import KillSwitch
from changes.services.people import enforce, person_of

OBJECT = "kill_switch"


def engaged_now() -> Exists:
    """Whether it is engaged, as a part of another query."""
    return Exists(KillSwitch.objects.engaged())


def kill_switch_engaged() -> KillSwitch | None:
    """The row of the switch while it is engaged, with who engaged it; one query."""
    return KillSwitch.objects.engaged().select_related("engaged_by").first()


def refuse_while_engaged() -> None:
    """Let nothing begin while the kill switch is engaged.

    Raises:
        ConflictError: it is; the sentence says who engaged it and why.
    """
    found = kill_switch_engaged()
    if found is not None:
        raise ConflictError(
            f"The kill switch is engaged by {found.engaged_by.get_username()}: “{found.reason}” Nothing may begin to"
            " write to a device until a second person has released it.",
            code=KILL_SWITCH_ENGAGED,
        )


def kill_switch_engage(*, actor: Actor, reason: str) -> KillSwitch:
    """Stop every first write to a device, in all changes, from the next safe point on; runs are paused by it.

    Raises:
        PolicyDeniedError: the person is no implementer, change manager or administrator. The refusal is audited.
        InvalidInputError: no reason is given.
        ConflictError: it is engaged already; nothing more can be stopped.
    """
    try:
        with transaction.atomic():
            person = person_of(actor)
            enforce(policy.may_engage_kill_switch(person))
            said = parse_comment(reason, action="engage the kill switch")
            found = KillSwitch.objects.create(engaged_by_id=person.id, reason=said)
            found.refresh_from_db()
            _audit(found, "kill_switch.engaged", actor=actor, reason=said)
            return found
    except IntegrityError as error:
        if "kill_switch_engaged_once" not in str(error):
            raise
        refusal = ConflictError("The kill switch is engaged already.", code=KILL_SWITCH_ENGAGED)
        _refused(actor, "engage", refusal)
        raise refusal from None
    except ChangeError as refusal:
        _refused(actor, "engage", refusal)
        raise


def kill_switch_release(*, actor: Actor, reason: str) -> KillSwitch:
    """Let changes write again. Nothing starts by itself: runs that it paused wait for a person.

    Raises:
        PolicyDeniedError: no change manager or administrator, or the person who engaged it. The refusal is audited.
        InvalidInputError: no reason is given.
        ConflictError: it is not engaged.
    """
    try:
        with transaction.atomic():
            person = person_of(actor)
            found = KillSwitch.objects.engaged().select_for_update(no_key=True).first()
            enforce(policy.may_release_kill_switch(person, engaged_by_id=found.engaged_by_id if found else 0))
            if found is None:
                raise ConflictError("The kill switch is not engaged, so there is nothing to release.")
            said = parse_comment(reason, action="release the kill switch")
            KillSwitch.objects.filter(pk=found.pk).update(released_by=person.id, released_at=Now(), release_reason=said)
            found.refresh_from_db()
            _audit(found, "kill_switch.released", actor=actor, reason=said)
            return found
    except ChangeError as refusal:
        _refused(actor, "release", refusal)
        raise


@transaction.atomic
def _refused(actor: Actor, attempt: str, refusal: ChangeError) -> None:
    engaged = KillSwitch.objects.engaged().values_list("pk", flat=True).first()
    record(
        actor=actor,
        action=f"kill_switch.{attempt}_refused",
        object_type=OBJECT,
        object_id=engaged or "none",
        object_label="kill switch",
        code=refusal.code,
        reason=str(refusal),
    )


def _audit(found: KillSwitch, action: str, *, actor: Actor, reason: str) -> None:
    record(
        actor=actor,
        action=action,
        object_type=OBJECT,
        object_id=found.pk,
        object_label="kill switch",
        reason=reason,
        details={"engaged_by": found.engaged_by.get_username()},
    )
