"""What waits for whom: one query for each kind of work, on an index. Inboxes ask for all of them together."""

from __future__ import annotations

from collections.abc import Callable, Collection

from django.contrib.auth.models import User
from django.contrib.postgres.fields import ArrayField
from django.db.models import (
    BooleanField,
    Case,
    Exists,
    ExpressionWrapper,
    F,
    IntegerField,
    Model,
    OuterRef,
    Q,
    QuerySet,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Now

from changes.domain.discussions import may_discuss
from changes.domain.policy import Duty, Person, Role
from changes.domain.reviews.content import ReviewState
from changes.domain.reviews.rules import ACCEPTERS
from changes.domain.run_states import WaveState
from changes.domain.states import ENDED, IN_REVIEW, ChangeEvent, ChangeState, ChangeType
from changes.domain.templates.policy import REVIEWERS
from changes.domain.waiting import SOON, Work
from changes.models import (
    Approval,
    ChangeQuerySet,
    ChangeRequest,
    Decision,
    Delegation,
    OpenStage,
    PlanRevision,
    Review,
    ReviewAction,
    Run,
    RunDecisionStep,
    TemplateReview,
    TemplateVersion,
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
    found: dict[Work, Callable[[], QuerySet[Model]]] = {Work.ACTION: lambda: _actions(person)}
    if Role.AUDITOR in person.roles:
        return found
    found |= {
        Work.STEP: lambda: _steps(person),
        Work.DELEGATED: lambda: _delegated(person),
        Work.DECIDE: lambda: _asked(person, ChangeEvent.AUTHORIZE),
        Work.ASSESS: lambda: _asked(person, ChangeEvent.ASSESS),
    }
    if may_discuss(person):
        found[Work.THREAD] = lambda: _threads(person)
    if gates := _GATE_ROLES & person.roles:
        found[Work.GATE] = lambda: _gates(sorted(gates))
    if Role.IMPLEMENTER in person.roles:
        found[Work.START] = lambda: _to_start(person)
    if Role.CHANGE_MANAGER in person.roles:
        found[Work.CLOSE] = lambda: _to_close(person)
    if not person.roles.isdisjoint(ACCEPTERS):
        found[Work.REVIEW] = lambda: _reviews(person)
    if not person.roles.isdisjoint(REVIEWERS):
        found[Work.TEMPLATE] = lambda: _templates(person)
    if Role.REQUESTER in person.roles:
        found |= {
            Work.STALE: lambda: changes_by_urgency().filter(author_id=person.id, state=ChangeState.STALE),
            Work.DRAFT: lambda: changes_by_urgency().filter(author_id=person.id, state=ChangeState.DRAFT),
        }
    return found


def _asked(person: Person, event: ChangeEvent) -> ChangeQuerySet:
    return _in_review(_open_to(person).filter(event=event, group__in=person.roles))


def _open_to(person: Person) -> QuerySet[OpenStage]:
    """Stages in which neither a hand in the change nor an earlier decision stands against the person."""
    return OpenStage.objects.exclude(closed_to__contains=[Value(person.id)])


def _in_review(stages: QuerySet[OpenStage]) -> ChangeQuerySet:
    return changes_by_urgency().filter(Exists(stages.filter(change=OuterRef("pk"))), state__in=sorted(IN_REVIEW))


def changes_by_urgency() -> ChangeQuerySet:
    """Changes with ``urgent`` and ``asked_at``, by which an inbox pages: urgent ones first, then the oldest."""
    hurries = Q(type=ChangeType.EMERGENCY) | Q(window_start__lte=Now() + SOON)
    urgent = Case(When(hurries, then=Value(value=True)), default=Value(value=False), output_field=BooleanField())
    return ChangeRequest.objects.annotate(
        urgent=ExpressionWrapper(urgent, output_field=BooleanField()),
        asked_at=Coalesce(F("submitted_at"), F("created_at")),
    ).order_by("-urgent", "asked_at", "pk")


def _delegated(person: Person) -> ChangeQuerySet:
    """Changes that wait for somebody who is absent and for whom this person may act, by the stage's own rule."""
    memberships = User.groups.through.objects.filter(user_id=OuterRef("principal_id"), user__is_active=True)
    group = OuterRef("group")
    held = (
        Delegation.objects.in_force()
        .filter(Exists(memberships.filter(group__name=OuterRef(group))), delegate_id=person.id)
        .filter(~Exists(memberships.filter(group__name=Role.AUDITOR)))
        .filter(Q(groups=[]) | Q(groups__contains=[group]))
        .annotate(closed_to=ExpressionWrapper(OuterRef("closed_to"), ArrayField(IntegerField())))
        .exclude(closed_to__contains=[F("principal_id")])  # type: ignore[misc]  # an expression
    )
    stages = _open_to(person).filter(Exists(held), delegates__overlap=sorted(person.roles))
    return _in_review(stages.exclude(group__in=person.roles))


def _gates(roles: list[str]) -> ChangeQuerySet:
    waves = Wave.objects.filter(state=WaveState.WAITING, run__strategy__gate_role__in=roles, run__change=OuterRef("pk"))
    return changes_by_urgency().filter(Exists(waves), state__in=_EXECUTED_BY_GATES)


def _steps(person: Person) -> QuerySet[RunDecisionStep]:
    mine = Q(person_id=person.id) | Q(person=None, role__in=person.roles)
    return RunDecisionStep.objects.waiting().filter(mine).order_by("waits_since", "pk")


def _to_start(person: Person) -> ChangeQuerySet:
    """Changes whose present plan the person did not approve; where its policy asks for that, nor wrote."""
    approved = Approval.objects.filter(revision=OuterRef("revision"), decision=Decision.APPROVED, voided_at=None)
    apart = PlanRevision.objects.filter(
        pk=OuterRef("revision"), demand__duties__contains=[{"duty": Duty.IMPLEMENTER_APART.value}]
    )
    changes = changes_by_urgency().filter(~_hand(person.id) | ~Q(Exists(apart)), state__in=_STARTABLE)
    return changes.filter(
        ~Exists(approved.filter(approver_id=person.id)), ~Exists(approved.filter(on_behalf_of_id=person.id))
    )


def _to_close(person: Person) -> ChangeQuerySet:
    changes = changes_by_urgency().filter(~_hand(person.id), state=ChangeState.REVIEW)
    return changes.filter(~Exists(_implemented(person.id)))


def _reviews(person: Person) -> QuerySet[Review]:
    """Reviews that wait to be accepted by somebody who neither wrote them nor had a hand in their change."""
    waiting = Review.objects.filter(state=ReviewState.SUBMITTED).exclude(writers=person.id)
    own = _hand(person.id, "change__") | Q(Exists(_implemented(person.id, "change_id")))
    return waiting.filter(~own).order_by("submitted_at", "pk")


def _templates(person: Person) -> QuerySet[TemplateVersion]:
    """Proposed versions that lack a review by a role of the person's, who neither wrote nor reviewed any of them."""
    wrote = TemplateVersion.editors.through._default_manager.filter(
        templateversion_id=OuterRef("pk"), user_id=person.id
    )
    standing = TemplateReview.objects.filter(version=OuterRef("pk"), voided_at=None)
    lacks = {
        Role.PEER: ~Exists(standing.filter(role=Role.PEER)),
        Role.CAB: ~Exists(standing.filter(role=Role.CAB)) & ~Q(envelope_digest=""),
    }
    asked = Q()
    for role in REVIEWERS:
        if role in person.roles:
            asked |= Q(lacks[role])
    waiting = TemplateVersion.objects.awaiting_review().exclude(proposed_by_id=person.id)
    return waiting.filter(asked, ~Exists(wrote), ~Exists(standing.filter(reviewer_id=person.id))).order_by(
        "proposed_at", "pk"
    )


def _hand(person_id: int, at: str = "") -> Q:
    """Whether the person wrote or edited a change, or the template that it came from; ``at`` leads to the change."""
    editors, writers = ChangeRequest.editors.through, TemplateVersion.editors.through
    edited = editors._default_manager.filter(changerequest_id=OuterRef(f"{at}pk"), user_id=person_id)
    of_template = OuterRef(f"{at}template_version_id")
    wrote = writers._default_manager.filter(templateversion_id=of_template, user_id=person_id)
    own = Q(**{f"{at}author_id": person_id}) | Q(**{f"{at}last_editor_id": person_id})
    return own | Q(Exists(edited)) | Q(Exists(wrote))


def _implemented(person_id: int, change: str = "pk") -> QuerySet[Run]:
    """Runs of a change that the person carried out."""
    return Run.objects.filter(Q(started_by_id=person_id) | Q(implementers=person_id), change=OuterRef(change))


def _threads(person: Person) -> QuerySet[ThreadWait]:
    """Threads that wait for the person's answer, on changes that have not ended."""
    waits = ThreadWait.objects.filter(person_id=person.id).exclude(thread__change__state__in=_ENDED)
    return waits.order_by("since", "pk")


def _actions(person: Person) -> QuerySet[ReviewAction]:
    return ReviewAction.objects.open().filter(owner_id=person.id).order_by("due_on", "pk")
