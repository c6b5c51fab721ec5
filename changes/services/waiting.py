"""What waits for whom: one query for each kind of work, on an index. Inboxes ask for all of them together."""

from __future__ import annotations

from collections.abc import Callable, Collection

from django.contrib.auth.models import User
from django.db.models import (
    BooleanField,
    Case,
    Exists,
    ExpressionWrapper,
    F,
    Model,
    OuterRef,
    Q,
    QuerySet,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Now

from changes.domain.policy import Person, Role
from changes.domain.reviews.content import ReviewState
from changes.domain.run_states import WaveState
from changes.domain.states import ENDED, IN_REVIEW, ChangeEvent, ChangeState, ChangeType
from changes.domain.waiting import SOON, Work
from changes.models import (
    Approval,
    ChangeQuerySet,
    ChangeRequest,
    Delegation,
    OpenStage,
    Review,
    ReviewAction,
    Run,
    RunDecisionStep,
    ThreadWait,
    Wave,
)

_ENDED = sorted(state.value for state in ENDED)
_STARTABLE = (ChangeState.APPROVED, ChangeState.SCHEDULED)
_EXECUTED_BY_GATES = (ChangeState.IMPLEMENTING, ChangeState.PAUSED)
_GATE_ROLES = frozenset({Role.IMPLEMENTER, Role.CHANGE_MANAGER, Role.CAB})


def work_of(person: Person, only: Collection[Work] | None = None) -> dict[Work, QuerySet[Model]]:
    """What waits for a person, by its kind; no query yet. Kinds that never wait for them are left out.

    What the rules refuse to the person is left out as far as a query can tell; the exact verdict is on the page of
    the thing itself. Auditors only read, so nothing waits for them but what they own. ``only``: no other kinds;
    composing them all takes longer than asking for one.
    """
    makers = _makers(person)
    return {kind: makers[kind]() for kind in Work if kind in makers and (only is None or kind in only)}


def _makers(person: Person) -> dict[Work, Callable[[], QuerySet[Model]]]:
    found: dict[Work, Callable[[], QuerySet[Model]]] = {
        Work.THREAD: lambda: _threads(person),
        Work.ACTION: lambda: _actions(person),
    }
    if Role.AUDITOR in person.roles:
        return found
    found |= {
        Work.STEP: lambda: _steps(person),
        Work.DELEGATED: lambda: _delegated(person),
        Work.DECIDE: lambda: _asked(person, ChangeEvent.AUTHORIZE),
        Work.ASSESS: lambda: _asked(person, ChangeEvent.ASSESS),
    }
    if gates := _GATE_ROLES & person.roles:
        found[Work.GATE] = lambda: _gates(sorted(gates))
    if Role.IMPLEMENTER in person.roles:
        found[Work.START] = lambda: _undecided(person.id).filter(state__in=_STARTABLE)
    if Role.CHANGE_MANAGER in person.roles:
        found |= {Work.CLOSE: lambda: _to_close(person), Work.REVIEW: lambda: _reviews(person)}
    if Role.REQUESTER in person.roles:
        found |= {
            Work.STALE: lambda: changes_by_urgency().filter(author_id=person.id, state=ChangeState.STALE),
            Work.DRAFT: lambda: changes_by_urgency().filter(author_id=person.id, state=ChangeState.DRAFT),
        }
    return found


def _asked(person: Person, event: ChangeEvent) -> ChangeQuerySet:
    return _in_review(_undecided(person.id), OpenStage.objects.filter(event=event, group__in=person.roles))


def changes_by_urgency() -> ChangeQuerySet:
    """Changes with ``urgent`` and ``asked_at``, by which an inbox pages: urgent ones first, then the oldest."""
    hurries = Q(type=ChangeType.EMERGENCY) | Q(window_start__lte=Now() + SOON)
    urgent = Case(When(hurries, then=Value(value=True)), default=Value(value=False), output_field=BooleanField())
    return ChangeRequest.objects.annotate(
        urgent=ExpressionWrapper(urgent, output_field=BooleanField()),
        asked_at=Coalesce(F("submitted_at"), F("created_at")),
    ).order_by("-urgent", "asked_at", "pk")


def _undecided(person_id: int) -> ChangeQuerySet:
    """Changes in which a person has no hand and about whose present plan they have not decided."""
    changes = changes_by_urgency().exclude(author_id=person_id).exclude(last_editor_id=person_id)
    undecided = ~Exists(_decided(approver_id=person_id)) & ~Exists(_decided(on_behalf_of_id=person_id))
    return changes.filter(~Exists(_hand(person_id)), undecided)


def _hand(person_id: int) -> QuerySet[Model]:
    through: type[Model] = ChangeRequest.editors.through
    return through._default_manager.filter(changerequest_id=OuterRef("pk"), user_id=person_id)


def _decided(**by: int) -> QuerySet[Approval]:
    """Standing decisions about the present plan; those that sent a change back are void from the beginning."""
    return Approval.objects.filter(revision=OuterRef("revision"), voided_at=None, **by)


def _in_review(changes: ChangeQuerySet, stages: QuerySet[OpenStage]) -> ChangeQuerySet:
    return changes.filter(Exists(stages.filter(change=OuterRef("pk"))), state__in=sorted(IN_REVIEW))


def _delegated(person: Person) -> ChangeQuerySet:
    """Changes that wait for somebody who is absent and for whom this person may act, by the stage's own rule."""
    member = User.groups.through.objects.filter(
        user_id=OuterRef("principal_id"), group__name=OuterRef(OuterRef("group"))
    )
    auditor = User.groups.through.objects.filter(user_id=OuterRef("principal_id"), group__name=Role.AUDITOR)
    change = OuterRef(OuterRef("pk"))
    through = ChangeRequest.editors.through
    own = through.objects.filter(changerequest_id=OuterRef(change), user_id=OuterRef("principal_id"))
    held = (
        Delegation.objects.in_force()
        .filter(Exists(member), ~Exists(auditor), ~Exists(own), delegate_id=person.id)
        .filter(Q(groups=[]) | Q(groups__contains=[OuterRef("group")]))
    )
    stages = OpenStage.objects.filter(Exists(held), delegates__overlap=sorted(person.roles)).exclude(
        group__in=person.roles
    )
    return _in_review(_undecided(person.id), stages)


def _gates(roles: list[str]) -> ChangeQuerySet:
    waves = Wave.objects.filter(state=WaveState.WAITING, run__strategy__gate_role__in=roles, run__change=OuterRef("pk"))
    return changes_by_urgency().filter(Exists(waves), state__in=_EXECUTED_BY_GATES)


def _steps(person: Person) -> QuerySet[RunDecisionStep]:
    mine = Q(person_id=person.id) | Q(person=None, role__in=person.roles)
    return RunDecisionStep.objects.waiting().filter(mine).order_by("waits_since", "pk")


def _to_close(person: Person) -> ChangeQuerySet:
    started = Run.objects.filter(Q(started_by_id=person.id) | Q(implementers=person.id), change=OuterRef("pk"))
    changes = changes_by_urgency().exclude(author_id=person.id).exclude(last_editor_id=person.id)
    return changes.filter(~Exists(_hand(person.id)), ~Exists(started), state=ChangeState.REVIEW)


def _reviews(person: Person) -> QuerySet[Review]:
    """Reviews that wait to be accepted by somebody who neither wrote them nor had a hand in their change."""
    waiting = Review.objects.filter(state=ReviewState.SUBMITTED).exclude(writers=person.id)
    return waiting.exclude(change__author_id=person.id).order_by("submitted_at", "pk")


def _threads(person: Person) -> QuerySet[ThreadWait]:
    """Threads that wait for the person's answer, on changes that have not ended."""
    waits = ThreadWait.objects.filter(person_id=person.id).exclude(thread__change__state__in=_ENDED)
    return waits.order_by("since", "pk")


def _actions(person: Person) -> QuerySet[ReviewAction]:
    return ReviewAction.objects.open().filter(owner_id=person.id).order_by("due_on", "pk")
