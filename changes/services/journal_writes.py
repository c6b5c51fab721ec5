"""The journal's writes: each is one statement, so one trip to the database, and all of it or nothing.

A statement locks the device run's row if the claim still holds it, by owner and fence, sees how run and kill switch
stand, and writes what no order keeps back: columns of the row, how the step before ended, the next step, an audit
event. The text of a statement depends on its parts alone; there are few, and each is composed once.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any, Final, NamedTuple

from django.conf import settings

from audit.recorder import appending
from changes.domain.run_states import DeviceRunState
from changes.domain.strategy import InFlight
from changes.models import DeviceRun
from devices.services.claims import Claim
from devices.services.statements import prepared


class Standing(NamedTuple):
    """How the run stood when the row was locked; ``went``: no order kept the write back."""

    paused: bool
    abort: str
    code: str
    detail: str
    killed: bool
    went: bool
    step_id: int | None


class Orders(NamedTuple):
    """What may stop a device: the run is paused, how it is aborted, the kill switch is engaged."""

    paused: bool
    abort: str
    killed: bool

    @property
    def key(self) -> str:
        """As the statement puts them together."""
        return f"{str(self.paused).lower()}/{self.abort}/{str(self.killed).lower()}"


ALL_ORDERS: Final = tuple(
    Orders(*each) for each in product((False, True), ("", *(way.value for way in InFlight)), (False, True))
)


@dataclass(frozen=True, slots=True)
class StepEnd:
    """How a step ended, masked and fit for the database."""

    step_id: int
    outcome: str
    code: str
    detail: str
    data: object
    transcript: str


@dataclass(frozen=True, slots=True)
class Write:
    """One write; every part may be missing.

    ``columns`` are those of the device run, by their names in the database. ``leave`` are the standings under which
    anything but ``ends`` is written; None: under all. ``frees``: the claim is given up.
    """

    columns: Mapping[str, Any]
    ends: StepEnd | None = None
    event: Collection[Any] = ()
    enters: DeviceRunState | None = None
    leave: Collection[Orders] | None = None
    renews: bool = False
    frees: bool = False
    starts: bool = False


def write(claim: Claim, what: Write) -> Standing | None:
    """Carry it out, if the claim holds; None: it does not, and nothing was written."""
    shape = _Shape(
        tuple(what.columns),
        ends=what.ends is not None,
        event=bool(what.event),
        enters=what.enters is not None,
        leave=what.leave is not None,
        renews=what.renews,
        frees=what.frees,
        starts=what.starts,
    )
    rows = prepared(_statement(shape), list(_values(claim, what)))
    return Standing(*rows[0]) if rows else None


class _Shape(NamedTuple):
    columns: tuple[str, ...]
    ends: bool
    event: bool
    enters: bool
    leave: bool
    renews: bool
    frees: bool
    starts: bool


_SEEN: Final = """
WITH seen AS MATERIALIZED (
    SELECT d.id, r.state = 'paused' AS paused, r.abort, r.code, r.detail,
           EXISTS (SELECT FROM changes_killswitch k WHERE k.released_at IS NULL) AS killed
    FROM changes_devicerun d JOIN changes_run r ON r.id = d.run_id
    WHERE d.id = %s AND d.owner = %s AND d.fence = %s
    FOR UPDATE OF d
)"""
_GO: Final = """, go AS MATERIALIZED (
    SELECT id FROM seen WHERE paused::text || '/' || abort || '/' || killed::text = ANY(%s)
)"""
_GO_ALWAYS: Final = ", go AS MATERIALIZED (SELECT id FROM seen)"
_ENDS: Final = """, ended AS (
    UPDATE changes_runstep s
    SET ended_at = statement_timestamp(), outcome = %s, code = %s, detail = %s, data = %s::jsonb, transcript = %s
    FROM seen WHERE s.id = %s AND s.device_run_id = seen.id
)"""
_EVENT: Final = f", {appending('FROM go')}"
_ENTERS: Final = """, step AS (
    INSERT INTO changes_runstep (device_run_id, sequence, name, fence, outcome, code, detail, data, transcript)
    SELECT go.id, 1 + COALESCE((SELECT max(sequence) FROM changes_runstep WHERE device_run_id = go.id), 0),
           %s, %s, '', '', '', '{}'::jsonb, ''
    FROM go RETURNING id
)"""
_RENEWS: Final = "lease_until = statement_timestamp() + make_interval(secs => %s)"
_FREES: Final = "owner = NULL, lease_until = NULL, ended_at = statement_timestamp()"
_STARTS: Final = "started_at = COALESCE(d.started_at, statement_timestamp())"


@lru_cache(maxsize=64)
def _statement(shape: _Shape) -> str:
    columns = [f"{name} = %s" for name in shape.columns]
    fixed = {_RENEWS: shape.renews, _FREES: shape.frees, _STARTS: shape.starts}
    columns += [text for text, wanted in fixed.items() if wanted]
    parts = [_SEEN, _GO if shape.leave else _GO_ALWAYS]
    if shape.ends:
        parts.append(_ENDS)
    if columns:
        moves = ", ".join(columns)  # names of columns, and texts from above
        parts.append(f", moved AS (UPDATE changes_devicerun d SET {moves} FROM go WHERE d.id = go.id)")  # noqa: S608
    if shape.event:
        parts.append(_EVENT)
    if shape.enters:
        parts.append(_ENTERS)
    step = "(SELECT id FROM step)" if shape.enters else "NULL::bigint"
    parts.append(f" SELECT paused, abort, code, detail, killed, EXISTS (SELECT FROM go), {step} FROM seen")  # noqa: S608
    return "".join(parts)


def _values(claim: Claim, what: Write) -> Iterator[Any]:
    """In the order of the statement's places."""
    yield from (claim.row_id, claim.owner, claim.fence)
    if what.leave is not None:
        yield [orders.key for orders in what.leave]
    if what.ends is not None:
        end = what.ends
        yield from (end.outcome, end.code, end.detail, json.dumps(end.data), end.transcript, end.step_id)
    yield from what.columns.values()
    if what.renews:
        yield settings.COUNTERSIGN_LEASE_S
    yield from what.event
    if what.enters is not None:
        yield from (what.enters.value, claim.fence)


@lru_cache(maxsize=64)
def column_of(name: str) -> str:
    """The column of a device run's field.

    Raises:
        FieldDoesNotExist: there is none.
    """
    return str(getattr(DeviceRun._meta.get_field(name), "column", name))
