"""A run as live pages and scripts follow it: figures of all its devices, some rows, and what a reader has not seen yet.

Nothing is written here. What has moved is asked of PostgreSQL: each row bears the transaction that last changed what
people see of it (:class:`changes.models.Watched`), and a reader bears the snapshot of what it was told last. A row is
sent again exactly when its transaction was not visible in that snapshot, so nothing is lost, however late a transaction
is committed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib.postgres.aggregates import ArrayAgg, BoolOr
from django.db.models import (
    BooleanField,
    Count,
    Exists,
    F,
    Func,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Sum,
    TextField,
    Value,
)
from django.db.models.functions import Now

from changes.domain.pace import RECENT_S, Ahead, Done, Pace, Span, pace_of
from changes.domain.rollback import ORDERED
from changes.domain.run_filter import ATTENTION, RunFilter
from changes.domain.run_states import DEVICE_ENDED, WAVE_ENDED, DeviceRunState, RunState, WaveState
from changes.domain.strategy import Strategy
from changes.domain.watermark import Watermark
from changes.models import DeviceRun, HealthVerdict, Run, Wave, WaveCheck

MOST_MOVED: Final = 300
"""Rows that one look at what moved brings; who has missed more than that reads again from the start."""

_ENDED: Final = [state.value for state in DEVICE_ENDED]


@dataclass(frozen=True, slots=True)
class Glance:
    """Whether anything of a run moved since a watermark, and the database's snapshot and time of that very moment."""

    run: Run
    watermark: str
    now: datetime
    run_moved: bool
    waves_moved: bool
    devices_moved: bool

    @property
    def moved(self) -> bool:
        """Whether a reader of the watermark would see anything else now."""
        return self.run_moved or self.waves_moved or self.devices_moved


@dataclass(slots=True)
class WaveFigures:
    """One wave, and how many of its devices are in which state; ``matching`` counts those that a filter lets through.

    ``moved``: something of it, or of a device in it, is new to the reader.
    """

    wave: Wave
    states: Counter[DeviceRunState] = field(default_factory=Counter)
    matching: int = 0
    attention: int = 0
    healthy: int = 0
    unhealthy: int = 0
    visits_open: int = 0
    moved: bool = False

    @property
    def total(self) -> int:
        """All its devices."""
        return self.states.total()

    @property
    def ended(self) -> int:
        """Devices on which nothing more will happen."""
        return sum(count for state, count in self.states.items() if state in DEVICE_ENDED)


@dataclass(slots=True)
class Figures:
    """A run's devices added up. ``moved`` holds the states of devices that are new to the reader."""

    waves: Sequence[WaveFigures]
    states: Counter[DeviceRunState] = field(default_factory=Counter)
    moved: set[DeviceRunState] = field(default_factory=set)
    matching: int = 0
    attention: int = 0
    sent: int = 0
    applied: int = 0
    ended_recently: int = 0

    @property
    def total(self) -> int:
        """All devices of the run."""
        return self.states.total()

    @property
    def ended(self) -> int:
        """Devices on which nothing more will happen."""
        return sum(count for state, count in self.states.items() if state in DEVICE_ENDED)


def not_seen(since: Watermark | None, column: str = "moved_xid") -> Q:
    """Rows whose last visible change is not in the snapshot; all rows without one."""
    if since is None:
        return Q(pk__gt=0)
    seen = Func(
        Func(F(column), template="(%(expressions)s)::text::xid8"),
        Func(Value(since.text), template="(%(expressions)s)::pg_snapshot"),
        function="pg_visible_in_snapshot",
        output_field=BooleanField(),
    )
    return Q(**{f"{column}__gte": since.xmin}) & ~Q(seen)


def new_to(since: Watermark | None) -> Q:
    """Device runs that are new to a reader: they moved, or what was found in the look at them afterwards."""
    return not_seen(since) | not_seen(since, "health_check__moved_xid")


def glance(run_id: int, since: Watermark | None, **where: object) -> Glance | None:
    """A run, and whether anything of it moved; one query that reads no device's texts. None where there is none."""
    here = OuterRef("pk")
    rows = Run.objects.filter(pk=run_id, **where).select_related("started_by", "revision", "change")
    run = rows.annotate(
        watermark=Func(function="pg_current_snapshot", template="%(function)s()::text", output_field=TextField()),
        now=Now(),
        run_moved=Exists(Run.objects.filter(not_seen(since), pk=here)),
        wave_moved=Exists(Wave.objects.filter(not_seen(since), run=here)),
        check_moved=Exists(WaveCheck.objects.filter(not_seen(since), wave__run=here)),
        device_moved=Exists(DeviceRun.objects.filter(not_seen(since), run=here)),
    ).first()
    if run is None:
        return None
    found: Any = run
    return Glance(
        run=run,
        watermark=found.watermark,
        now=found.now,
        run_moved=found.run_moved,
        waves_moved=found.wave_moved or found.check_moved,
        devices_moved=found.device_moved,
    )


def is_from_elsewhere(since: Watermark, now: str) -> bool:
    """Whether a watermark lies in the future: it is another database's, as after a restore, and says nothing here."""
    present = Watermark.parse(now)
    return present is None or since.xmax > present.xmax


def matching(chosen: RunFilter) -> Q:
    """The device runs that a filter lets through."""
    found = Q(pk__gt=0)
    if chosen.asked_states:
        states = Q(state__in=sorted(state.value for state in chosen.states))
        found &= states | needs_attention() if "attention" in chosen.asked_states else states
    if chosen.site:
        found &= Q(device__site=chosen.site)
    if chosen.name:
        found &= Q(device__name__icontains=chosen.name)
    if chosen.code:
        found &= Q(code=chosen.code)
    return found


def needs_attention() -> Q:
    """Devices that ended otherwise than wanted: not those that are as before because somebody ordered it."""
    states = sorted(state.value for state in ATTENTION)
    return Q(state__in=states) & ~Q(state=DeviceRunState.ROLLED_BACK, code=ORDERED)


def figures(run: Run, chosen: RunFilter, since: Watermark | None = None) -> Figures:
    """Add a run's devices up, by wave and state; two queries, whatever their number."""
    waves = {
        wave.pk: WaveFigures(wave, moved=bool(getattr(wave, "is_new", False)))
        for wave in run.waves.annotate(is_new=Exists(Wave.objects.filter(not_seen(since), pk=OuterRef("pk")))).order_by(
            "number"
        )
    }
    found = Figures(tuple(waves.values()))
    for row in _counted(run, chosen, since):
        _add(found, waves[row["wave_id"]], row)
    return found


def _counted(run: Run, chosen: RunFilter, since: Watermark | None) -> Iterable[Mapping[str, Any]]:
    lately = Q(state__in=_ENDED, ended_at__gt=Now() - timedelta(seconds=RECENT_S))
    verdict = "health_check__verdict"
    return (
        DeviceRun.objects.filter(run=run)
        .order_by()
        .values("wave_id", "state")
        .annotate(
            devices=Count("pk"),
            matching=Count("pk", filter=matching(chosen)),
            sent=Sum("lines_sent"),
            applied=Sum("lines_applied"),
            lately=Count("pk", filter=lately),
            attention=Count("pk", filter=needs_attention()),
            healthy=Count("pk", filter=Q(**{verdict: HealthVerdict.HEALTHY})),
            unhealthy=Count("pk", filter=Q(**{verdict: HealthVerdict.UNHEALTHY})),
            visits=Count("pk", filter=Q(**{verdict: ""})),
            is_new=BoolOr(new_to(since)),
        )
    )


def _add(found: Figures, wave: WaveFigures, row: Mapping[str, Any]) -> None:
    state = DeviceRunState(row["state"])
    wave.states[state] += row["devices"]
    wave.matching += row["matching"]
    wave.attention += row["attention"]
    wave.healthy += row["healthy"]
    wave.unhealthy += row["unhealthy"]
    wave.visits_open += row["visits"]
    found.states[state] += row["devices"]
    found.matching += row["matching"]
    found.attention += row["attention"]
    found.sent += row["sent"]
    found.applied += row["applied"]
    found.ended_recently += row["lately"]
    if row["is_new"]:
        wave.moved = True
        found.moved.add(state)


def pace(run: Run, found: Figures, now: datetime) -> Pace:
    """How fast a run goes and how long it will go on; no query but for a rollback, which has a time of its own."""
    if run.state == RunState.ENDED:
        took_s = ((run.ended_at or now) - run.started_at).total_seconds()
        return Pace(found.ended / took_s * 60 if took_s else None, None, 0)
    if run.state == RunState.ROLLING_BACK:
        ordered = run.rollback_orders.order_by("-pk").values_list("ordered_at", flat=True).first()
        since_s = min((now - (ordered or now)).total_seconds(), RECENT_S)
        return pace_of(
            Done(found.ended_recently, found.ended_recently, [Span(since_s)]), Ahead(found.total - found.ended)
        )
    strategy = Strategy.of(run.strategy)
    spans = [_span(each.wave, now) for each in found.waves if each.wave.opened_at]
    done = Done(found.ended, found.ended_recently, spans)
    to_come = [each for each in found.waves if each.wave.state not in WAVE_ENDED]
    later = max(0, len(to_come) - 1)
    waits_s = strategy.soak_s * len([each for each in to_come if each.wave.worked_at is None])
    # After the last wave nobody is asked: there is nothing more to open.
    gates = sum(strategy.waits_for_a_person(each.wave.number) for each in to_come[:later])
    ahead = Ahead(found.total - found.ended, waits_s + strategy.cooldown_s * later, gates)
    return pace_of(done, ahead, stands=_stands(run, found))


def _span(wave: Wave, now: datetime) -> Span:
    until = wave.worked_at or wave.ended_at
    since_s = (now - wave.opened_at).total_seconds() if wave.opened_at else 0.0
    return Span(since_s, (now - until).total_seconds() if until else 0.0)


def _stands(run: Run, found: Figures) -> str:
    if run.state == RunState.PAUSED:
        return "The run is paused."
    if any(each.wave.state == WaveState.WAITING for each in found.waves):
        return "The run waits for a person."
    return ""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a wave's devices in plan order that a reader has in view: after one id, up to another or to the end."""

    wave: int
    after: int = 0
    last: int = 0
    """0: to the end of the wave."""
    site: str | None = None

    def rows(self) -> Q:
        """The device runs in it."""
        found = Q(wave__number=self.wave, pk__gt=self.after)
        if self.last:
            found &= Q(pk__lte=self.last)
        return found if self.site is None else found & Q(device__site=self.site)


def moved_rows(
    run: Run, stretches: Collection[Stretch], since: Watermark | None, only: Q | None = None
) -> tuple[list[int], bool]:
    """Ids of the device runs in view that are new to the reader, and whether there were too many; one query.

    ``only`` narrows what is in view, as a filter does.
    """
    if not stretches:
        return [], False
    in_view = Q()
    for stretch in stretches:
        in_view |= stretch.rows()
    rows = DeviceRun.objects.filter(new_to(since), in_view, only or Q(), run=run).order_by("pk")
    found = list(rows.values_list("pk", flat=True)[: MOST_MOVED + 1])
    return found[:MOST_MOVED], len(found) > MOST_MOVED


def wave_devices(run: Run, stretch: Stretch | None, chosen: RunFilter) -> QuerySet[DeviceRun]:
    """The device runs of a part of a wave, or of the whole run, that a filter lets through, in plan order."""
    rows = DeviceRun.objects.filter(matching(chosen), run=run).order_by("pk")
    return rows if stretch is None else rows.filter(stretch.rows())


def run_sites(run: Run) -> list[str]:
    """The sites that a run touches, sorted; one query."""
    rows = DeviceRun.objects.filter(run=run).exclude(device__site="").order_by("device__site")
    return list(rows.values_list("device__site", flat=True).distinct())


@dataclass(frozen=True, slots=True)
class Ends:
    """Devices that ended in one state for one reason; ``detail`` where all say the same, ``first`` some (id, name)."""

    state: DeviceRunState
    code: str
    detail: str
    count: int
    first: Sequence[tuple[int, str]]


def troubles(run: Run, *, most: int = 20, names: int = 6) -> list[Ends]:
    """What needs attention in a run, the most frequent first; one query."""
    rows = (
        DeviceRun.objects.filter(needs_attention(), run=run)
        .order_by()
        .values("state", "code")
        .annotate(
            devices=Count("pk"),
            least=Min("detail"),
            most=Max("detail"),
            ids=ArrayAgg("pk", order_by="pk"),
            names=ArrayAgg("device__name", order_by="pk"),
        )
        .order_by("-devices", "state", "code")
    )
    return [
        Ends(
            DeviceRunState(row["state"]),
            row["code"],
            row["least"] if row["least"] == row["most"] else "",
            row["devices"],
            tuple(zip(row["ids"][:names], row["names"], strict=False)),
        )
        for row in rows[:most]
    ]


def sites_of(run: Run, waves: Collection[int]) -> list[tuple[int, str, Counter[DeviceRunState]]]:
    """The sites of some waves, by the waves' numbers, and how many of their devices are in which state; one query."""
    rows = (
        DeviceRun.objects.filter(run=run, wave__number__in=waves)
        .order_by("wave__number", "device__site")
        .values_list("wave__number", "device__site", "state")
        .annotate(devices=Count("pk"))
    )
    found: dict[tuple[int, str], Counter[DeviceRunState]] = {}
    for wave, site, state, devices in rows:
        found.setdefault((wave, site), Counter())[DeviceRunState(state)] += devices
    return [(wave, site, states) for (wave, site), states in found.items()]
