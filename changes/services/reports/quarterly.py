"""The quarterly governance review: the page for the leadership, owners, policies, retention and the retrieval test."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import connection
from django.db.models import Count, Q

from audit.models import Archive, Event, RetrievalTest
from changes.domain.kpis.reading import Rag, distance, judge
from changes.domain.reports.controls import CONTROLS, Control, acted, maturity
from changes.domain.reports.document import Block, Column, Section, alert, table
from changes.domain.roles import Role, group_label
from changes.models import ReviewAction
from changes.services.reports import common
from changes.services.reports.frame import Frame, capped, spoken
from changes.services.reports.monthly import codes_in, course
from changes.services.reports.retrieval import Retrieved, retrieval_test

_POLICY_OBJECTS: Final = (
    "approval_policy", "template", "template_version", "field_trust", "drift_rule", "compliance_rule", "change_freeze",
    "maintenance_window", "gate_exception", "platform_mapping", "kill_switch", "delegation", "hook",
)  # fmt: skip
_STORES: Final = (
    (
        "Audit log",
        "audit_event",
        "at",
        "by the periods of retention; the database removes nothing that is not in a signed archive",
    ),
    ("Decisions", "changes_approval", "created_at", "kept for ever; the database refuses to remove one"),
    ("Plans", "changes_planrevision", "created_at", "kept as long as their change"),
    ("Runs", "changes_run", "started_at", "kept as long as their change"),
    ("Reviews", "changes_review", "created_at", "kept for ever once submitted"),
    ("Reports", "changes_report", "made_at", "kept for ever; the database refuses to change or remove one"),
)
_LEAST_PEOPLE: Final = 2
_TOP_GAPS: Final = 3


def quarterly_sections(frame: Frame) -> tuple[Section, ...]:
    """The sections after the emergencies."""
    return (
        leadership(frame),
        Section(
            "figures", "Key figures", "This quarter beside the quarter before.", (frame.told(), course(frame.scope))
        ),
        owners(frame),
        policies(frame),
        retention(),
        retrieval(frame),
        common.drift(frame),
        common.follow_up(frame),
    )


def leadership(frame: Frame) -> Section:
    """One page: every figure judged, the three largest gaps with owner and day, and how far each control has come."""
    now = frame.figures.now
    judged = [
        (kpi, judge(kpi, now[kpi.key])) for kpi in frame.kpis.values() if kpi.key in now and kpi.green is not None
    ]
    counts = {rag: sum(1 for _kpi, found in judged if found is rag) for rag in Rag}
    whole = counts[Rag.GREEN] > counts[Rag.NONE] and not counts[Rag.AMBER]
    tone = "bad" if counts[Rag.RED] else ("ok" if whole else "warn")
    told = (
        f"On target: {counts[Rag.GREEN]}. Near it: {counts[Rag.AMBER]}. With a gap: {counts[Rag.RED]}."
        f" Not judged for want of cases: {counts[Rag.NONE]}."
    )
    rows = [(kpi.title, now[kpi.key].text(kpi), now[kpi.key].counted(kpi), found.label) for kpi, found in judged]
    blocks = (
        alert(tone, told, "A figure is on target at or beyond its green bound, and a gap at or beyond its red one."),
        table(
            "Status", [Column("Figure"), Column("Value"), Column("Counted over"), Column("Judgement")], rows, empty=""
        ),
        _gaps(frame),
        _maturity(frame),
    )
    return Section("leadership", "For the leadership", "", blocks)


def _gaps(frame: Frame) -> Block:
    """The figures that are farthest from their targets, each with the control's owner and the next action due."""
    now = frame.figures.now
    far = sorted(
        ((distance(kpi, now[kpi.key]), kpi) for kpi in frame.kpis.values() if kpi.key in now),
        key=lambda pair: (-pair[0], pair[1].key),
    )
    owner_of = {control.kpi: control for control in CONTROLS if control.kpi}
    rows = []
    for away, kpi in far[:_TOP_GAPS]:
        if not away:
            continue
        control = owner_of.get(kpi.key)
        role = owner_role(control)
        judgement = judge(kpi, now[kpi.key]).label
        rows.append((kpi.title, now[kpi.key].text(kpi), judgement, group_label(role.value), _next_day(role)))
    return table(
        "Largest gaps",
        [Column("Figure"), Column("Value"), Column("Judgement"), Column("Owner"), Column("Next action due")],
        rows,
        empty="No figure is off its target.",
    )


def owner_role(control: Control | None) -> Role:
    """The role that answers for a control; without one the change managers do."""
    return control.owner if control is not None else Role.CHANGE_MANAGER


def _next_day(role: Role) -> str:
    """The earliest day on which an open action of somebody with this role is due."""
    found = ReviewAction.objects.open().filter(owner__groups__name=role.value).order_by("due_on").first()
    return f"{spoken(found.due_on)} ({found.number}, {found.owner.get_username()})" if found else "no action is planned"


def _maturity(frame: Frame) -> Block:
    now, times = frame.figures.now, acted(codes_in(frame.days))
    rows = []
    for control in CONTROLS:
        kpi = frame.kpis.get(control.kpi)
        rag = judge(kpi, now[kpi.key]).value if kpi and kpi.key in now else Rag.NONE.value
        rows.append((control.key, control.title, group_label(control.owner.value), maturity(times[control.key], rag)))
    return table(
        "Maturity of the fourteen controls",
        [Column("Control"), Column("What it guards"), Column("Owner"), Column("How far it has come")],
        rows,
        empty="",
    )


def owners(frame: Frame) -> Section:
    """Who holds the roles, and who owes what."""
    active = Count("user", filter=Q(user__is_active=True))
    groups = dict(Group.objects.annotate(people=active).values_list("name", "people"))
    held = [(role.label, groups.get(role.value, 0)) for role in Role]
    thin = [label for label, people in held if people < _LEAST_PEOPLE]
    open_actions, more = capped(
        ReviewAction.objects.open()
        .order_by()
        .values("owner__username")
        .annotate(open=Count("pk"), late=Count("pk", filter=Q(due_on__lt=frame.days.end)))
        .order_by("-late", "-open", "owner__username")
    )
    blocks: list[Block] = []
    if thin:
        text = f"{', '.join(thin)}. With one person absent, nobody can act there."
        blocks.append(alert("warn", "Roles with fewer than two people", text))
    blocks += [
        table("People by role", [Column("Role"), Column("People", True)], held, empty=""),
        table(
            "Open actions by owner",
            [Column("Owner"), Column("Open", True), Column("Overdue", True)],
            [(row["owner__username"], row["open"], row["late"]) for row in open_actions],
            empty="No action is open.",
            more=more,
        ),
    ]
    return Section("owners", "Owners", "", tuple(blocks))


def policies(frame: Frame) -> Section:
    """Every rule of the process that somebody changed in the quarter."""
    events = Event.objects.filter(
        at__gte=frame.days.start_at, at__lt=frame.days.end_at, object_type__in=_POLICY_OBJECTS, actor_id__isnull=False
    ).exclude(action__endswith="_refused")
    rows, more = capped(events.order_by("-pk").defer("body"))
    listed = table(
        "Changes of rules",
        [Column("When"), Column("Who"), Column("What"), Column("Which")],
        [
            (
                f"{row.at:%-d %b %Y %H:%M}",
                row.actor_name,
                row.action.replace("_", " ").replace(".", ": "),
                frame.scrub.prose(row.object_label),
            )
            for row in rows
        ],
        empty="No policy, template, window, freeze, exception, hook or trust rule was changed.",
        more=more,
    )
    intro = "Approval policies, templates, windows, freezes, exceptions, and the rules for drift, compliance and trust."
    return Section("policies", "Policy updates", intro, (listed,))


def retention() -> Section:
    """What is kept, since when and by which rule."""
    rows: list[tuple[str, str, int, str]] = []
    with connection.cursor() as cursor:
        for name, store, column, rule in _STORES:
            # The number is PostgreSQL's estimate: counting ten million events would take as long as the whole report.
            cursor.execute("SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = %s::regclass", [store])
            [about] = cursor.fetchone()
            cursor.execute(f"SELECT min({column}) FROM {store}")  # noqa: S608 - names from the table above
            [oldest] = cursor.fetchone()
            rows.append((name, _since(oldest), int(about), rule))
    backups = f"{settings.COUNTERSIGN_BACKUP_KEEP}, and those that a record refers to"
    logs = f"{settings.COUNTERSIGN_BACKUP_LOG_DAYS} days"
    listed = table(
        "What is kept",
        [Column("Store"), Column("Since"), Column("Rows, about", True), Column("Rule")],
        rows,
        empty="",
    )
    rules = table(
        "Rules of backups",
        [Column("What"), Column("Kept")],
        [("Configurations from backups", backups), ("Log of backup runs", logs)],
        empty="",
    )
    return Section("retention", "Retention", "", (listed, rules))


def retrieval(frame: Frame) -> Section:
    """The evidence of some closed changes, taken out of the store and proved again for this report."""
    found = retrieval_test(frame.days)
    bad = sum(1 for item in found if item.missing)
    title = f"{len(found) - bad} of {len(found)} changes were retrieved whole and proved."
    about = "Plans recomputed from their bytes, decisions that name the digest, configurations hashed, events read."
    listed = table(
        "Retrieved for this report",
        [
            Column("Change"),
            Column("Devices", True),
            Column("Configurations", True),
            Column("Events", True),
            Column("Result"),
        ],
        [
            (
                item.change.number,
                item.devices,
                item.snapshots,
                item.events,
                _retrieved(item),
            )
            for item in found
        ],
        empty="No change was closed in the quarter, so nothing could be retrieved.",
        paths=[f"/changes/{item.change.pk}/" for item in found],
    )
    blocks = (alert("bad" if bad else "ok", title, about), listed) if found else (listed,)
    return Section("retrieval", "Retrieval test", "", (*blocks, *_of_archives(frame)))


def _retrieved(item: Retrieved) -> str:
    if item.missing:
        return f"Incomplete: {'; '.join(item.missing)}"
    return (
        f"Whole; {item.archived} events are in archives, which are tested by themselves" if item.archived else "Whole"
    )


def _of_archives(frame: Frame) -> tuple[Block, ...]:
    """The tests of archives in the quarter; a warning where there are archives, and the last test did not pass."""
    tests = RetrievalTest.objects.filter(made_at__gte=frame.days.start_at, made_at__lt=frame.days.end_at)
    rows, more = capped(tests.order_by("-pk"))
    listed = table(
        "Retrieval tests of archives",
        [Column("When"), Column("By"), Column("Archives taken", True), Column("Of", True), Column("Result")],
        [
            (
                f"{test.made_at:%-d %b %Y %H:%M}",
                test.made_by,
                len(test.result["taken"]),
                test.result["archives"],
                "Passed" if test.passed else "Failed",
            )
            for test in rows
        ],
        empty="No archive was tested in the quarter.",
        more=more,
    )
    archives = Archive.objects.filter(state="removed", removed_at__lt=frame.days.end_at)
    if any(test.passed for test in rows[:1]) or not archives.exists():
        return (listed,)
    told = "The last test of archives failed." if rows else "There are archives, and none was tested."
    next_step = "manage.py audit_retrieval_test takes some by chance and proves them. It is due once a quarter."
    return (alert("bad" if rows else "warn", told, next_step), listed)


def _since(oldest: datetime | None) -> str:
    return spoken(oldest.date()) if oldest else "nothing yet"
