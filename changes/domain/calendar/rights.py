"""Who may set what is in the calendar. Pure rules, beside those of `policy` and `waivers`."""

from __future__ import annotations

from changes.domain.manager_duties import role_denial
from changes.domain.policy import ChangeFacts, Person, Verdict, may_pause, may_schedule
from changes.domain.roles import Role


def may_set_windows(person: Person) -> Verdict:
    """Declare recurring maintenance windows, edit or lift them: change managers."""
    denial = role_denial(person, "set maintenance windows", Role.CHANGE_MANAGER)
    return Verdict((denial,) if denial else ())


def may_call_start_off(person: Person, facts: ChangeFacts) -> Verdict:
    """Have a change not start by itself: who may schedule it, or hold a run. Stopping is open to more people."""
    schedule = may_schedule(person, facts)
    return schedule if schedule.allowed else may_pause(person, facts)
