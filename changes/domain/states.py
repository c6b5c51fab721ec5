"""The states of a change request and of a plan, as data; those of a run are in :mod:`changes.domain.run_states`.

The tables are the only place that says which step may follow which: services ask :func:`next_state`,
pages ask :func:`events_from`, the documentation's diagram is drawn from them (``docs/states.md``).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from changes.domain.errors import ChangeError
from changes.domain.labels import Labelled


class ChangeType(Labelled):
    """How much review a change needs: ITIL 4's three types."""

    STANDARD = "standard"
    NORMAL = "normal"
    EMERGENCY = "emergency"


class ChangeState(Labelled):
    """Where a change request stands."""

    DRAFT = "draft"
    ASSESSMENT = "assessment"
    AUTHORIZATION = "authorization"
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    STALE = "stale"
    IMPLEMENTING = "implementing"
    PAUSED = "paused"
    ROLLING_BACK = "rolling_back"
    REVIEW = "review"
    CLOSED = "closed"
    REJECTED = "rejected"
    CANCELED = "canceled"


class ChangeEvent(Labelled):
    """What somebody, or the system, does to a change request."""

    SUBMIT = "submit"
    ASSESS = "assess"
    REQUEST_CHANGES = "request_changes"
    WITHDRAW = "withdraw"
    REJECT = "reject"
    AUTHORIZE = "authorize"
    REOPEN = "reopen"
    SCHEDULE = "schedule"
    EXPIRE = "expire"
    REVISE = "revise"
    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    ROLL_BACK = "roll_back"
    FINISH = "finish"
    RETRY = "retry"
    CLOSE = "close"
    CANCEL = "cancel"


class PlanState(Labelled):
    """Where one plan revision stands; only the newest is not superseded."""

    BUILDING = "building"
    READY = "ready"
    FAILED = "failed"
    SUPERSEDED = "superseded"


class DevicePlanState(Labelled):
    """Where the planning of one device stands; unchanged: the device is already as wanted."""

    PENDING = "pending"
    BUILDING = "building"
    READY = "ready"
    UNCHANGED = "unchanged"
    FAILED = "failed"


class CloseCode(Labelled):
    """The change manager's verdict on the whole change."""

    SUCCESSFUL = "successful"
    SUCCESSFUL_WITH_ISSUES = "successful_with_issues"
    ROLLED_BACK = "rolled_back"
    FAILED = "failed"
    ABORTED = "aborted"


_S, _E, _T = ChangeState, ChangeEvent, ChangeType


@dataclass(frozen=True, slots=True)
class Transition:
    """One row of the table: from any of ``sources``, ``event`` leads to ``target``.

    ``actors`` and ``guard`` are words for people; the people rules are enforced by
    :mod:`changes.domain.policy`, the guards by the services. ``types`` are the change types that
    the row holds for; ``pre_approved`` rows hold only where the policy asks for no approval.
    """

    sources: frozenset[ChangeState]
    event: ChangeEvent
    target: ChangeState
    actors: str
    guard: str
    types: frozenset[ChangeType] = frozenset(ChangeType)
    pre_approved: bool = False


EDITABLE: frozenset[ChangeState] = frozenset({_S.DRAFT})
IN_REVIEW: frozenset[ChangeState] = frozenset({_S.ASSESSMENT, _S.AUTHORIZATION})
BEFORE_IMPLEMENTING: frozenset[ChangeState] = frozenset(
    {_S.DRAFT, _S.ASSESSMENT, _S.AUTHORIZATION, _S.APPROVED, _S.SCHEDULED, _S.STALE}
)
EXECUTING: frozenset[ChangeState] = frozenset({_S.IMPLEMENTING, _S.PAUSED, _S.ROLLING_BACK})
ENDED: frozenset[ChangeState] = frozenset({_S.CLOSED, _S.REJECTED, _S.CANCELED})
ACTIVE: frozenset[ChangeState] = frozenset(ChangeState) - ENDED

TRANSITIONS: tuple[Transition, ...] = (
    Transition(
        frozenset({_S.DRAFT}),
        _E.SUBMIT,
        _S.ASSESSMENT,
        "requester",
        "every target has a ready plan, no blocking check, conflicts resolved or waived with a reason",
        frozenset({_T.NORMAL, _T.STANDARD}),
    ),
    Transition(
        frozenset({_S.DRAFT}),
        _E.SUBMIT,
        _S.APPROVED,
        "requester",
        "pre-approved: the plan lies inside its template's approved envelope, checked by digest",
        frozenset({_T.STANDARD}),
        pre_approved=True,
    ),
    Transition(
        frozenset({_S.DRAFT}),
        _E.SUBMIT,
        _S.AUTHORIZATION,
        "requester",
        "goes straight to the ECAB; its post-implementation review is mandatory",
        frozenset({_T.EMERGENCY}),
    ),
    Transition(
        frozenset({_S.ASSESSMENT}),
        _E.ASSESS,
        _S.AUTHORIZATION,
        "peer",
        "neither author nor editor; names the plan digest that the page showed",
    ),
    Transition(IN_REVIEW, _E.REQUEST_CHANGES, _S.DRAFT, "any reviewer", "with a comment; pending approvals are void"),
    Transition(IN_REVIEW, _E.WITHDRAW, _S.DRAFT, "requester", "own change; pending approvals are void"),
    Transition(IN_REVIEW, _E.REJECT, _S.REJECTED, "change authority", "with a reason"),
    Transition(
        frozenset({_S.AUTHORIZATION}),
        _E.AUTHORIZE,
        _S.APPROVED,
        "change authority",
        "the last approval that the policy asks for; each names the plan digest it saw",
    ),
    Transition(
        frozenset({_S.APPROVED}),
        _E.SCHEDULE,
        _S.SCHEDULED,
        "change manager or requester",
        "a legal window, no freeze, no conflict",
    ),
    Transition(
        frozenset({_S.APPROVED, _S.SCHEDULED}),
        _E.REOPEN,
        _S.AUTHORIZATION,
        "who gave the approval",
        "it was withdrawn, and what is left is less than the policy asks for; the other approvals go on counting",
    ),
    Transition(
        frozenset({_S.APPROVED, _S.SCHEDULED}),
        _E.EXPIRE,
        _S.STALE,
        "system",
        "approval expired, plan edited, policy changed, or a target drifted where the plan touches it",
    ),
    Transition(frozenset({_S.STALE}), _E.REVISE, _S.DRAFT, "requester", "a new revision is planned"),
    Transition(
        frozenset({_S.APPROVED, _S.SCHEDULED}),
        _E.START,
        _S.IMPLEMENTING,
        "implementer or scheduler",
        "digest, approvals, window, freeze, conflicts and staleness are checked again",
    ),
    Transition(
        frozenset({_S.IMPLEMENTING}),
        _E.PAUSE,
        _S.PAUSED,
        "implementer or system",
        "on request, or when a wave's failure budget is spent or a gate waits",
    ),
    Transition(frozenset({_S.PAUSED}), _E.RESUME, _S.IMPLEMENTING, "implementer", "the gates are checked again"),
    Transition(
        frozenset({_S.IMPLEMENTING, _S.PAUSED}),
        _E.ROLL_BACK,
        _S.ROLLING_BACK,
        "implementer or system",
        "the backout plan that was approved with the plan",
    ),
    Transition(
        frozenset({_S.REVIEW}),
        _E.ROLL_BACK,
        _S.ROLLING_BACK,
        "implementer",
        "before the change is closed, because a review may find what no check has seen; once it is closed,"
        " taking it back is a change of its own",
    ),
    Transition(EXECUTING, _E.FINISH, _S.REVIEW, "system", "every device run has ended"),
    Transition(
        frozenset({_S.REVIEW}),
        _E.RETRY,
        _S.IMPLEMENTING,
        "implementer",
        "only devices that hold nothing of the change, with the same plan and approvals, which are checked again",
    ),
    Transition(
        frozenset({_S.REVIEW}),
        _E.CLOSE,
        _S.CLOSED,
        "change manager",
        "not the implementer; a close code; a review where failed, rolled back or emergency",
    ),
    Transition(BEFORE_IMPLEMENTING, _E.CANCEL, _S.CANCELED, "requester or change manager", "with a reason"),
)


class IllegalTransitionError(ChangeError):
    """The table has no step for this event in this state. Nothing was changed."""

    code = "illegal_transition"

    def __init__(self, state: str, event: str, possible: Sequence[str] = ()) -> None:
        self.state = state
        self.event = event
        self.possible = tuple(possible)
        super().__init__(state, event, self.possible)

    def __str__(self) -> str:
        state, event = (name.replace("_", " ") for name in (self.state, self.event))
        instead = ", ".join(name.replace("_", " ") for name in self.possible) or "nothing, it has ended"
        return f'"{event}" is not possible while the state is "{state}". Possible now: {instead}.'


def events_from(state: ChangeState, *, change_type: ChangeType = ChangeType.NORMAL) -> tuple[ChangeEvent, ...]:
    """Every event that the table allows in this state, in the table's order."""
    found = (row.event for row in TRANSITIONS if state in row.sources and change_type in row.types)
    return tuple(dict.fromkeys(found))


def next_state(
    state: ChangeState,
    event: ChangeEvent,
    *,
    change_type: ChangeType = ChangeType.NORMAL,
    pre_approved: bool = False,
) -> ChangeState:
    """The state that ``event`` leads to; a ``pre_approved`` change skips its review. Guards are not checked here.

    Raises:
        IllegalTransitionError: the table has no such step.
    """
    rows = [row for row in TRANSITIONS if row.event is event and state in row.sources and change_type in row.types]
    for row in sorted(rows, key=lambda row: row.pre_approved is not pre_approved):
        if pre_approved or not row.pre_approved:
            return row.target
    raise IllegalTransitionError(state, event, events_from(state, change_type=change_type))


def check_editable(state: ChangeState, *, verb: str = "edit") -> None:
    """Refuse to edit or plan a change that is no longer a draft.

    Raises:
        IllegalTransitionError: the change has left the draft state; ``possible`` names the ways on from here.
    """
    if state not in EDITABLE:
        raise IllegalTransitionError(state, verb, events_from(state))
