"""CAB meetings as pages show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from django.contrib.auth.models import User
from django.urls import reverse
from django.utils.dateparse import parse_datetime

from changes.domain.meetings import CHAIRS, ItemKind, MeetingState, Outcome, may_run_meeting
from changes.domain.policy import Person, Role
from changes.domain.states import IN_REVIEW, ChangeState, ChangeType, CloseCode
from changes.models import AgendaItem, Approval, ChangeRequest, Decision, Meeting
from changes.services.meetings import attendance_version
from portal.presenters.visible import Mask, visible
from portal.presenters.words import both, counted, group_label

_DECIDED: Final = {
    Decision.APPROVED: "approved",
    Decision.REJECTED: "rejected",
    Decision.CHANGES_REQUESTED: "asked for changes",
    Decision.ABSTAINED: "abstained",
}


@dataclass(frozen=True, slots=True)
class DecisionView:
    """What one person decided about the change while the meeting was open."""

    who: str
    did: str
    at: datetime
    digest: str
    comment: str


@dataclass(frozen=True, slots=True)
class ItemView:
    """One point. ``facts`` are how the change stood when the agenda was frozen; ``now`` how it stands, if otherwise."""

    id: int
    number: int
    title: str
    change_url: str
    plan_url: str
    state: str
    now: str
    facts: tuple[tuple[str, str], ...]
    digest: str
    why: tuple[str, ...]
    added_by: str
    minutes: str
    form_minutes: str
    version: str
    outcome: str
    outcome_label: str
    deferred_to: str
    decisions: tuple[DecisionView, ...]
    decidable: bool = False
    emergency: bool = False
    typed: bool = False
    """Whether its form holds what somebody typed and what could not be kept."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """The points of one kind."""

    key: str
    title: str
    items: tuple[ItemView, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who may be present."""

    id: int
    name: str
    roles: str
    present: bool


@dataclass(frozen=True, slots=True)
class MeetingView:
    """A meeting with its agenda; ``may_run`` whether this person plans, minutes and closes it."""

    meeting: Meeting
    state_label: str
    tone: str
    chapters: tuple[Chapter, ...]
    present: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    guests: str
    may_run: bool
    refusal: str
    attendance_version: str = ""

    @property
    def draft(self) -> bool:
        """Whether the agenda can still change."""
        return self.meeting.state == MeetingState.DRAFT

    @property
    def open(self) -> bool:
        """Whether minutes are taken."""
        return self.meeting.state == MeetingState.OPEN

    @property
    def closed(self) -> bool:
        """Whether nothing changes any more."""
        return self.meeting.state in {MeetingState.CLOSED, MeetingState.CANCELED}


TONES: Final = {
    MeetingState.DRAFT: "idle",
    MeetingState.OPEN: "live",
    MeetingState.CLOSED: "ok",
    MeetingState.CANCELED: "warn",
}
_UNSEEN: Final = tuple(
    f"change__{name}"
    for name in ("content", "variables", "targets", "checks", "strategy", "reason", "revision__inputs",
                 "revision__facts", "revision__demand")
)  # fmt: skip


OUTCOMES: Final = (("", "No outcome yet"), *Outcome.choices())


def meeting_view(
    meeting: Meeting, person: Person, mask: Mask, typed: Mapping[int, Mapping[str, str]] | None = None
) -> MeetingView:
    """Everything that the page of a meeting shows; seven queries, whatever the number of its items.

    ``typed`` is what somebody wrote about items and what was refused: it stays in their forms.
    """
    items = list(meeting.items.select_related("change__revision", "added_by").defer(*_UNSEEN).order_by("position"))
    decisions = _decisions(meeting, items, mask)
    verdict = may_run_meeting(person, chair_id=meeting.chair_id)
    there = list(meeting.attendances.select_related("person").order_by("person__username", "guest"))
    views = [(item.kind, _item(item, decisions.get(item.pk, ()), mask)) for item in items]
    views = [(kind, _as_typed(view, (typed or {}).get(view.id))) for kind, view in views]
    names = [row.person.get_username() if row.person else visible(row.guest) for row in there]
    may_run = verdict.allowed and meeting.state in {MeetingState.DRAFT, MeetingState.OPEN}
    return MeetingView(
        meeting=meeting,
        state_label=MeetingState(meeting.state).label,
        tone=TONES[MeetingState(meeting.state)],
        chapters=tuple(
            Chapter(kind.value, kind.label, tuple(view for of, view in views if of == kind))
            for kind in ItemKind
            if any(of == kind for of, _ in views)
        ),
        present=tuple(names),
        candidates=_candidates({row.person_id for row in there}) if may_run else (),
        guests="\n".join(row.guest for row in there if row.guest),
        may_run=may_run,
        refusal=" ".join(reason.sentence for reason in verdict.reasons),
        attendance_version=attendance_version(meeting) if may_run else "",
    )


def _decisions(meeting: Meeting, items: Sequence[AgendaItem], mask: Mask) -> Mapping[int, tuple[DecisionView, ...]]:
    """Of a closed meeting what was linked; of an open one what people have decided since it opened."""
    if meeting.opened_at is None:
        return {}
    found: dict[int, list[DecisionView]] = {}
    if meeting.state == MeetingState.CLOSED:
        links = AgendaItem.decisions.through.objects.filter(agendaitem__meeting=meeting).order_by("approval_id")
        pairs = [(link.agendaitem_id, link.approval) for link in links.select_related("approval__approver")]
    else:
        by_change = {item.change_id: item.pk for item in items if item.change_id}
        since = Approval.objects.filter(change__in=by_change, created_at__gte=meeting.opened_at).order_by("pk")
        pairs = [(by_change[row.change_id], row) for row in since.select_related("approver")]
    for item_id, row in pairs:
        view = DecisionView(
            row.approver.get_username(),
            _DECIDED[Decision(row.decision)] + (", which no longer counts," if row.voided_at else ""),
            row.created_at,
            row.plan_digest,
            mask.prose(row.comment),
        )
        found.setdefault(item_id, []).append(view)
    return {pk: tuple(views) for pk, views in found.items()}


def _item(item: AgendaItem, decisions: tuple[DecisionView, ...], mask: Mask) -> ItemView:
    facts = item.facts if isinstance(item.facts, dict) else {}
    change = item.change
    state = str(facts.get("state", ""))
    return ItemView(
        id=item.pk,
        number=item.position,
        title=visible(item.title),
        change_url=reverse("change-detail", args=[change.pk]) if change else "",
        plan_url=reverse("change-plan", args=[change.pk]) if change else "",
        state=state,
        now=_now(change, state, str(facts.get("digest", ""))) if change else "",
        facts=tuple(_facts(facts, mask)),
        digest=str(facts.get("digest", "")),
        why=tuple(mask.prose(str(sentence)) for sentence in facts.get("why", [])),
        added_by=item.added_by.get_username() if item.added_by else "",
        minutes=mask.prose(item.minutes),
        form_minutes=mask.prose(item.minutes),
        version=item.version,
        outcome=item.outcome,
        outcome_label=Outcome(item.outcome).label if item.outcome else "",
        deferred_to=mask.prose(item.deferred_to),
        decisions=decisions,
        decidable=change is not None and ChangeState(change.state) in IN_REVIEW,
        emergency=change is not None and change.type == ChangeType.EMERGENCY,
    )


def _now(change: ChangeRequest, state: str, digest: str) -> str:
    """How a change stands now, if otherwise than when the agenda was frozen."""
    found = [ChangeState(change.state).label] if change.state != state else []
    if (change.revision.digest if change.revision else "") != digest:
        found.append("another plan" if change.revision else "no plan")
    return both(found)


def _as_typed(view: ItemView, typed: Mapping[str, str] | None) -> ItemView:
    if typed is None:
        return view
    return replace(
        view,
        form_minutes=typed.get("minutes", ""),
        outcome=typed.get("outcome", ""),
        deferred_to=typed.get("deferred_to", ""),
        typed=True,
    )


def _facts(facts: Mapping[str, object], mask: Mask) -> list[tuple[str, str]]:
    waits = facts.get("waits_for")
    found = [
        ("Type", ChangeType(str(facts["type"])).label if facts.get("type") else ""),
        ("Risk", str(facts.get("risk", "")).capitalize()),
        ("Author", str(facts.get("author", ""))),
        ("Devices", counted(int(str(facts["devices"])), "device") if facts.get("devices") is not None else ""),
        ("Closed as", CloseCode(str(facts["close_code"])).label if facts.get("close_code") else ""),
        ("Waits for", _waits(waits, facts.get("needed")) if isinstance(waits, list) else ""),
        ("Window", _span(facts.get("window_start"), facts.get("window_end"))),
        ("From", _span(facts.get("starts_at"), facts.get("ends_at"))),
        ("Reason", mask.prose(str(facts.get("reason", "")))),
    ]
    return [(label, text) for label, text in found if text]


def _waits(groups: Sequence[object], needed: object) -> str:
    return f"{counted(int(str(needed or 1)), 'approval')} of {both([group_label(str(group)) for group in groups])}"


def _span(start: object, end: object) -> str:
    first, last = parse_datetime(str(start or "")), parse_datetime(str(end or ""))
    if first is None or last is None:
        return ""
    return f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC"


def _candidates(present: set[int | None]) -> tuple[Candidate, ...]:
    """Active members of the CAB and ECAB and change managers, and whoever is recorded already; two queries."""
    members = User.objects.filter(is_active=True, groups__name__in=[role.value for role in CHAIRS])
    people = (members | User.objects.filter(pk__in=[pk for pk in present if pk])).distinct().order_by("username")
    return tuple(
        Candidate(
            person.pk,
            person.get_username(),
            both([Role(group.name).label for group in person.groups.all() if group.name in set(Role)]),
            person.pk in present,
        )
        for person in people.prefetch_related("groups")
    )
