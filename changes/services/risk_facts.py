"""What the risk of a plan is computed from, as the database knows it now."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count, Q

from changes.domain.risk.facts import History, RiskFacts, Rollback, Timing, WarningCounts
from changes.domain.risk.timing import timing_of
from changes.domain.states import ChangeState, CloseCode
from changes.domain.windows import Period
from changes.models import ChangeRequest, PlanRevision
from changes.services.approval_policies import active_policy
from changes.services.calendar import calendar_between, devices_of
from changes.services.windows import window_of
from devices.domain.criticality import Criticality
from devices.domain.severity import Severity
from devices.services.statements import prepared

_MOMENT: Final = timedelta(seconds=1)
_BLAST: Final = """
    WITH changed AS MATERIALIZED (
        SELECT d.site, d.role, d.redundancy_group, d.status, d.criticality, p.unprotected, p.rollback
          FROM changes_deviceplan p JOIN devices_device d ON d.id = p.device_id
         WHERE p.revision_id = %s AND p.state = 'ready'),
    shares AS (
        SELECT c.n AS touched,
               greatest(c.n, (SELECT count(*) FROM devices_device d
                               WHERE d.site = c.site AND d.role = c.role AND d.status = 'active')) AS all_n
          FROM (SELECT site, role, count(*) AS n FROM changed GROUP BY site, role) c),
    pairs AS (
        -- Added up rather than joined: a plan without statistics about these tables would compare each with each.
        SELECT sum(touched) AS touched, sum(active) AS active, sum(member) AS members
          FROM (SELECT redundancy_group, 1 AS touched, (status = 'active')::int AS active, 0 AS member
                  FROM changed WHERE redundancy_group <> ''
                UNION ALL
                SELECT redundancy_group, 0, 0, 1 FROM devices_device
                 WHERE redundancy_group <> '' AND status = 'active') each_device
         GROUP BY redundancy_group)
    SELECT count(*),
           coalesce((SELECT max(ceil(100.0 * touched / all_n)) FROM shares), 0)::int,
           count(*) FILTER (WHERE redundancy_group = '')
             + coalesce((SELECT sum(touched) FROM pairs WHERE members <= active), 0)::int,
           count(*) FILTER (WHERE criticality = ''),
           max(array_position(ARRAY['low', 'normal', 'high', 'vital'], criticality::text)),
           count(*) FILTER (WHERE unprotected),
           count(*) FILTER (WHERE unprotected IS NULL),
           array_agg(DISTINCT rollback)
      FROM changed
"""


def risk_facts(change: ChangeRequest, revision: PlanRevision, *, at: datetime | None = None) -> RiskFacts:
    """The facts of a ready plan that a system knows; nobody's answers. At most nine queries, whatever the plan's size.

    The inventory counts as it is now: devices of one role at one site, redundancy groups, criticality. ``at``: the
    moment at which a change without a window is carried out, where that is known.
    """
    [(devices, share, alone, unsaid, worst, unprotected, unknown, ways)] = prepared(_BLAST, [revision.pk])
    return RiskFacts(
        devices=devices,
        share_percent=share,
        alone=alone,
        criticality=_criticality(worst, unsaid),
        criticality_least=tuple(Criticality)[worst - 1] if worst and unsaid else None,
        timing=_timing(change, at),
        warnings=_warnings(revision),
        template=_template(change),
        unprotected=None if unknown else unprotected,
        rollback=_rollback(ways or []),
        requester=_history(change, Q(author_id=change.author_id)),
    )


def _criticality(worst: int | None, unsaid: int) -> Criticality | None:
    """That of the most important device; not known while one that may be more important says nothing."""
    found = tuple(Criticality)[worst - 1] if worst else None
    return found if found is Criticality.VITAL or not unsaid else None


def _timing(change: ChangeRequest, at: datetime | None) -> Timing | None:
    window = window_of(change)
    if window is None:
        if at is None:
            return None
        window = Period(at, at + _MOMENT)
    calendar = calendar_between(window.start, window.end)
    return timing_of(window, devices_of(change), calendar.windows, active_policy().business_time)


def _warnings(revision: PlanRevision) -> WarningCounts | None:
    """By the facts that were settled with the plan: a warning counts once for each device that has it."""
    if not isinstance(revision.facts, dict) or "warnings" not in revision.facts:
        return None
    counts: dict[Severity, int] = {}
    for each in revision.facts["warnings"]:
        severity = Severity(each["severity"])
        counts[severity] = counts.get(severity, 0) + int(each["devices"])
    return WarningCounts.of(counts)


def _rollback(ways: list[str]) -> Rollback | None:
    """The worst way back of any device; not known where a plan was made before that was kept."""
    known = [Rollback(way) for way in ways if way]
    return max(known, key=tuple(Rollback).index) if known and len(known) == len(ways) else None


def _template(change: ChangeRequest) -> History:
    """Content that was written by hand has no history."""
    version = change.template_version
    if version is None:
        return History()
    return _history(change, Q(template_version__template_id=version.template_id))


def _history(change: ChangeRequest, which: Q) -> History:
    """The other changes that were closed, each once."""
    closed = ChangeRequest.objects.filter(which, state=ChangeState.CLOSED).exclude(pk=change.pk)
    well = Q(close_code=CloseCode.SUCCESSFUL)
    found = closed.order_by().aggregate(well=Count("pk", filter=well), other=Count("pk", filter=~well))
    return History(found["well"], found["other"])
