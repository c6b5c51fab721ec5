"""The gate after a wave: a person lets the run go on, or ends it. Without an answer in time it ends by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db.models.functions import Now

from audit.actor import Actor
from changes.domain import policy
from changes.domain.content import parse_comment
from changes.domain.policy import Person
from changes.domain.run_states import RunState, WaveState
from changes.domain.strategy import InFlight, Strategy
from changes.errors import ConflictError
from changes.models import ChangeRequest, Run, Wave
from changes.services.execution import run_advance
from changes.services.people import enforce, lock_change, person_of
from changes.services.run_control import abort, audit_run, wave_moves
from changes.services.transitions import remembering_refusal
from changes.services.wave_progress import is_past


def wave_release(*, change_id: int, wave: int, actor: Actor, comment: str = "") -> Wave:
    """Let the run go on after the wave of this number, counted from 1. A cooldown still has to pass.

    Raises:
        ConflictError: no such wave of the present run waits for a person, or its time is over.
        PolicyDeniedError: the person lacks the role that the signed strategy names; having started the run is no help.
    """
    with _answered(change_id, wave, actor, "release_wave") as (_change, run, row, person):
        comment = parse_comment(comment, action="let a run go on", required=False)
        wave_moves(row, WaveState.HELD, detail=comment, judged_at=Now(), decided_by_id=person.id)
        audit_run(run, "wave.released", actor=actor, reason=comment, wave=row.number)
        run_advance(run.pk)
        return row


def wave_refuse(*, change_id: int, wave: int, actor: Actor, comment: str) -> Wave:
    """Let the run go no further after the wave of this number: it is aborted, and what waits is skipped.

    Raises:
        ConflictError, PolicyDeniedError: as for :func:`wave_release`.
        InvalidInputError: no reason.
    """
    with _answered(change_id, wave, actor, "refuse_wave") as (change, run, row, person):
        comment = parse_comment(comment, action="refuse the next wave")
        Wave.objects.filter(pk=row.pk).update(decided_by_id=person.id)
        audit_run(run, "wave.refused", actor=actor, reason=comment, wave=row.number)
        detail = f"{person.username} let the run go no further after {row.name}: {comment}"
        abort(change, run, InFlight.FINISH, actor=actor, code="GATE_REFUSED", detail=detail)
        run_advance(run.pk)
        row.refresh_from_db()
        return row


@contextmanager
def _answered(
    change_id: int, number: int, actor: Actor, attempt: str
) -> Iterator[tuple[ChangeRequest, Run, Wave, Person]]:
    """Lock change, run and wave, and let an answer through that a waiting gate and the person's role allow."""
    with remembering_refusal(actor=actor, attempt=attempt, change_id=change_id, wave=number):
        change = lock_change(change_id)
        runs = change.runs.select_for_update(of=("self",)).exclude(state=RunState.ENDED)
        run = runs.select_related("change", "revision").first()
        waiting = run.waves.select_for_update(of=("self",)).filter(state=WaveState.WAITING) if run else None
        row = waiting.filter(number=number).first() if waiting is not None else None
        if run is None or row is None:
            sentence = f"Wave {number} of {change.number} does not wait for a person. Reload the page."
            raise ConflictError(sentence, code="wave_not_waiting")
        person = person_of(actor)
        enforce(policy.may_answer_gate(person, Strategy.of(run.strategy).gate_role))
        if is_past(row, "gate_until"):
            raise ConflictError("The time for this answer is over, so the run goes no further.", code="GATE_TIMEOUT")
        yield change, run, row, person
