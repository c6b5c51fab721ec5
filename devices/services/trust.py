"""The trust table: how far each field of each inventory source is believed."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction

from audit.actor import Actor
from audit.recorder import record
from devices.domain.trust import (
    DEFAULT_MODES,
    FIELDS,
    LEARNT_FIELDS,
    FieldRule,
    LearntFrom,
    TrustMode,
    pattern_problem,
)
from devices.errors import BadFieldsError
from devices.models import Device, FieldTrust
from devices.services.rights import ADMINISTRATOR, require_role
from devices.services.statements import prepared

TrustTable = Mapping[str, FieldRule]
"""A rule for each of :data:`devices.domain.trust.FIELDS`."""


def trust_table(source: str) -> TrustTable:
    """How the facts of this source are compared: what administrators decided, else the defaults. One query."""
    rules = {field: FieldRule.default(field) for field in FIELDS}
    found = prepared("SELECT field, mode, learnt_from, pattern FROM devices_fieldtrust WHERE source = %s", [source])
    for field, mode, learnt_from, pattern in found:
        rules[field] = FieldRule(field, TrustMode(mode), LearntFrom(learnt_from), pattern)
    return rules


def trust_tables() -> dict[str, TrustTable]:
    """The tables of all sources that have devices or decisions, by name. Two queries."""
    names = set(Device.objects.order_by("source").values_list("source", flat=True).distinct())
    rows = list(FieldTrust.objects.all())
    names |= {row.source for row in rows}
    tables = {name: {field: FieldRule.default(field) for field in FIELDS} for name in sorted(names)}
    for row in rows:
        tables[row.source][row.field] = _rule(row)
    return {name: dict(rules) for name, rules in tables.items()}


def _rule(row: FieldTrust) -> FieldRule:
    return FieldRule(row.field, TrustMode(row.mode), LearntFrom(row.learnt_from), row.pattern)


@transaction.atomic
def trust_set(
    *, source: str, field: str, mode: str, learnt_from: str = "", pattern: str = "", actor: Actor
) -> FieldRule:
    """Decide how one field of one source is compared from the next reading on, and audit it.

    ``learnt_from`` and ``pattern`` are for role and site alone: where a device states them. Setting what holds already
    writes no event.

    Raises:
        NotPermittedError: the person is no administrator.
        BadFieldsError: an unknown source, field or mode, or a pattern that cannot be used.
    """
    require_role(actor, "change how far a source is trusted", ADMINISTRATOR)
    rule = _checked(source, field, mode, learnt_from, pattern.strip())
    row = FieldTrust.objects.select_for_update().filter(source=source, field=field).first()
    before = _rule(row) if row else FieldRule.default(field)
    if rule == before:
        return rule
    FieldTrust.objects.update_or_create(
        source=source,
        field=field,
        defaults={
            "mode": rule.mode.value,
            "learnt_from": rule.learnt_from.value,
            "pattern": rule.pattern,
            "updated_by": actor.username,
        },
    )
    record(
        actor=actor,
        action="field_trust.changed",
        object_type="field_trust",
        object_id=f"{source}/{field}"[:200],
        object_label=f"{source}: {field}",
        before=_shown(before),
        after=_shown(rule),
    )
    return rule


def _shown(rule: FieldRule) -> dict[str, object]:
    return {"mode": rule.mode.value, "learnt_from": rule.learnt_from.value, "pattern": rule.pattern}


def _checked(source: str, field: str, mode: str, learnt_from: str, pattern: str) -> FieldRule:
    problems: dict[str, list[str]] = {}
    if not _is_source(source):
        problems["source"] = ["There is no inventory source of this name."]
    if field not in FIELDS:
        problems["field"] = [f"There is no such field. Fields are: {', '.join(FIELDS)}."]
    if mode not in set(TrustMode):
        problems["mode"] = [f"There is no such mode. Modes are: {', '.join(TrustMode)}."]
    if learnt_from not in set(LearntFrom):
        problems["learnt_from"] = ["A device can state it in its config or in its hostname: config, hostname or empty."]
    elif learnt_from and field not in LEARNT_FIELDS:
        problems["learnt_from"] = [f"The {field} is told by the device itself; no pattern is needed. Leave this empty."]
    elif learnt_from and (problem := pattern_problem(field, pattern)):
        problems["pattern"] = [problem]
    elif not learnt_from and pattern:
        problems["pattern"] = ["Say where this pattern is looked for, or leave it empty."]
    elif field in LEARNT_FIELDS and not learnt_from and mode != TrustMode.OBSERVATIONAL:
        sentence = (
            f"No device states its {field} by itself, so nothing could confirm it. Declare a pattern that finds it on"
            " the device, or keep it observational."
        )
        problems["mode"] = [sentence]
    if problems:
        raise BadFieldsError(problems)
    return FieldRule(field, TrustMode(mode), LearntFrom(learnt_from), pattern)


def _is_source(source: str) -> bool:
    return Device.objects.filter(source=source).exists() or FieldTrust.objects.filter(source=source).exists()


def default_mode(field: str) -> TrustMode:
    """How a field is compared when nobody has decided."""
    return DEFAULT_MODES[field]
