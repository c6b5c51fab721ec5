"""A breaker: after failures with one common cause it holds further attempts back, and lets one through to look again.

There is one per credential, fed by refused sign-ins, so that a wrong password is tried a few times in the whole
installation and not once per device, which would lock the account; and one per site, fed by devices that cannot be
reached. The names of the states are those of Nygard, "Release It!" (Circuit Breaker).

What is told here is computed from values and a time; who stores it locks the row meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum


class BreakerKind(StrEnum):
    """What the devices behind one breaker have in common."""

    CREDENTIAL = "credential"
    SITE = "site"


class BreakerState(StrEnum):
    """*closed*: attempts go through. *open*: none does. *half_open*: one does, and its outcome decides."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Admission(StrEnum):
    """What an attempt may do."""

    GO = "go"
    """Begin; nothing has to be written down."""
    TRY = "try"
    """Begin as one of the few trials; its outcome must be told."""
    HOLD = "hold"
    """Wait a moment: trials are under way, and their outcome decides."""
    WAIT = "wait"
    """Come back when the cool-down is over."""
    GIVE_UP = "give_up"
    """It has been open for longer than anybody should wait."""


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When a breaker opens, and for how long. Times are seconds.

    It opens after ``failures`` in a row (0: never) within ``window_s``, and stays open for ``cool_down_s``: twice as
    long after each trial that failed, ``longest_s`` at most. Who would wait longer than ``give_up_s`` after it first
    opened gives up. A trial of which nothing is heard for ``trial_s`` is taken for lost. With ``proof_s``, a closed one
    lets only as many attempts run at once as may fail, until one succeeded; that success counts for ``proof_s``.
    With ``distinct``, failures of one device after another count once.
    """

    failures: int
    window_s: float = 300
    cool_down_s: float = 60
    longest_s: float = 480
    give_up_s: float = 900
    trial_s: float = 60
    proof_s: float = 0
    distinct: bool = False


@dataclass(frozen=True, slots=True)
class Breaker:
    """One breaker's memory: ``failures`` are those in a row, ``opened_at`` is when they first opened it."""

    state: BreakerState = BreakerState.CLOSED
    failures: int = 0
    first_failure_at: datetime | None = None
    last_subject: str = ""
    opened_at: datetime | None = None
    open_until: datetime | None = None
    cool_down_s: float = 0
    trials: int = 0
    trials_until: datetime | None = None
    proved_until: datetime | None = None

    def admission(self, policy: BreakerPolicy, now: datetime) -> Admission:
        """What an attempt may do now. After TRY, store `trying`."""
        if not policy.failures:
            return Admission.GO
        if self.state is BreakerState.OPEN and self.open_until and now < self.open_until:
            waited = now - (self.opened_at or now)
            return Admission.GIVE_UP if waited >= timedelta(seconds=policy.give_up_s) else Admission.WAIT
        if self.state is BreakerState.CLOSED and (not policy.proof_s or self._is_proved(policy, now)):
            return Admission.GO
        return Admission.TRY if self._under_way(now) < self._room(policy, now) else Admission.HOLD

    def wait_s(self, now: datetime) -> float:
        """Seconds until the cool-down is over; 0 when it is, or when it is not open."""
        if self.state is not BreakerState.OPEN or self.open_until is None:
            return 0.0
        return max((self.open_until - now).total_seconds(), 0.0)

    def trying(self, policy: BreakerPolicy, now: datetime) -> Breaker:
        """With one more trial under way; an open one is half-open then."""
        state = self.state if self.state is BreakerState.CLOSED else BreakerState.HALF_OPEN
        until = now + timedelta(seconds=policy.trial_s)
        return replace(self, state=state, trials=self._under_way(now) + 1, trials_until=until)

    def failed(self, policy: BreakerPolicy, now: datetime, *, subject: str = "", trial: bool = False) -> Breaker:
        """After an attempt on ``subject``, a device, that failed for the common cause; ``trial``: one of the few."""
        known = self._without_trial(now) if trial else self
        began_before = known.state is BreakerState.OPEN or (known.state is BreakerState.HALF_OPEN and not trial)
        if not policy.failures or began_before:
            # others that had begun before it opened; while it is half open, the trial alone decides
            return known
        if known.state is BreakerState.HALF_OPEN:
            longer = min(known.cool_down_s * 2, policy.longest_s)
            return _opened(replace(known, failures=known.failures + 1), now, longer)
        recent = _recent(known, policy, now)
        if policy.distinct and recent and subject == known.last_subject:
            return known
        first_at = known.first_failure_at if recent else now
        counted = replace(
            known, failures=recent + 1, first_failure_at=first_at, last_subject=subject, proved_until=None
        )
        if counted.failures < policy.failures:
            return counted
        return _opened(replace(counted, opened_at=now), now, policy.cool_down_s)

    def succeeded(self, policy: BreakerPolicy, now: datetime) -> Breaker:
        """After an attempt that came through: closed, with nothing held against it, from whatever state."""
        proved = now + timedelta(seconds=policy.proof_s) if policy.proof_s else None
        return Breaker(proved_until=proved)

    def ended(self, now: datetime) -> Breaker:
        """After a trial that told nothing, for example since the device could not be reached."""
        return self._without_trial(now)

    def learns_of_success(self, policy: BreakerPolicy, now: datetime) -> bool:
        """Whether a success has to be stored: there is something to forget, or the last proof has half run out."""
        if not policy.failures:
            return False
        if self.state is not BreakerState.CLOSED or self.failures:
            return True
        half = timedelta(seconds=policy.proof_s / 2)
        return bool(policy.proof_s) and (self.proved_until is None or self.proved_until - now < half)

    def _is_proved(self, policy: BreakerPolicy, now: datetime) -> bool:
        return self.proved_until is not None and now < self.proved_until and not _recent(self, policy, now)

    def _room(self, policy: BreakerPolicy, now: datetime) -> int:
        """How many trials may be under way at once."""
        return policy.failures - _recent(self, policy, now) if self.state is BreakerState.CLOSED else 1

    def _under_way(self, now: datetime) -> int:
        return self.trials if self.trials_until and now < self.trials_until else 0

    def _without_trial(self, now: datetime) -> Breaker:
        return replace(self, trials=max(self._under_way(now) - 1, 0))


def _opened(breaker: Breaker, now: datetime, cool_down_s: float) -> Breaker:
    until = now + timedelta(seconds=cool_down_s)
    return replace(breaker, state=BreakerState.OPEN, open_until=until, cool_down_s=cool_down_s, proved_until=None)


def _recent(breaker: Breaker, policy: BreakerPolicy, now: datetime) -> int:
    """The failures in a row that still count."""
    first = breaker.first_failure_at
    return breaker.failures if first and now - first <= timedelta(seconds=policy.window_s) else 0
