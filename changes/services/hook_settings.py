"""Switching hooks on and off: what an administrator decides, audited."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction
from django.db.models.functions import Now

from audit.actor import Actor
from audit.recorder import record
from changes.domain.errors import InvalidInputError
from changes.domain.hooks import LONGEST_LIMIT_S, SHORTEST_LIMIT_S, HookCallState, OnObjection
from changes.domain.input import Findings, one_of, shown, unknown_names
from changes.domain.policy import GATE_ROLE_DENIED, Denial, Person, Role, Verdict
from changes.errors import ChangeNotFoundError
from changes.hooks.interface import API_VERSION
from changes.hooks.process import Description, describe
from changes.hooks.registry import InstalledHook, installed_hook
from changes.models import HookCall, HookSetting
from changes.services.hook_events import variables_for
from changes.services.people import enforce, person_of

FIELDS = frozenset({"enabled", "required", "on_objection", "time_limit_s"})


def may_switch_hooks(person: Person) -> Verdict:
    """Switch hooks: administrators. It gives no hook, and no administrator, a voice in an approval."""
    if Role.ADMINISTRATOR in person.roles and Role.AUDITOR not in person.roles:
        return Verdict()
    exempt = " Being a superuser does not replace the role." if person.is_superuser else ""
    sentence = f"To switch a hook you need the role Administrator.{exempt} Ask somebody who has it."
    return Verdict((Denial(GATE_ROLE_DENIED, sentence),))


def hook_configure(*, name: str, actor: Actor, data: Mapping[str, object]) -> HookSetting:
    """Keep ``{enabled?, required?, on_objection?, time_limit_s?}`` for an installed hook, and audit it.

    Before it is switched on, the hook is asked in a process of its own for which points it wants to be called: that may
    take some seconds, and no row is locked meanwhile. When it is switched off, calls that wait are dropped.

    Raises:
        PolicyDeniedError: no administrator.
        ChangeNotFoundError: no installed package offers a hook of this name.
        InvalidInputError: with a sentence under each name; also when the hook cannot say what it is.
    """
    enforce(may_switch_hooks(person_of(actor)))
    hook = installed_hook(name)
    stored = HookSetting.objects.filter(name=name).first()
    if hook is None and (stored is None or data.get("enabled") is not False):
        raise ChangeNotFoundError(f"No installed package offers a hook “{shown(name)}” that can be called.")
    values = _parsed(data)
    said = _described(hook) if hook is not None and values.get("enabled") else None
    return _keep(name, actor, values, hook, said)


@transaction.atomic
def _keep(
    name: str, actor: Actor, values: Mapping[str, object], hook: InstalledHook | None, said: Description | None
) -> HookSetting:
    person = person_of(actor)
    HookSetting.objects.select_for_update(no_key=True).filter(name=name).first()
    row = HookSetting.objects.filter(name=name).first() or HookSetting(name=name)
    before = _audited(row)
    was_on = row.enabled
    for field, value in values.items():
        setattr(row, field, value)
    row.changed_by_id = person.id
    if row.enabled and not was_on:
        row.enabled_at = Now()
    if said is not None and hook is not None:
        row.points, row.distribution, row.version = list(said.points), hook.distribution[:100], hook.version[:60]
    row.save()
    row.refresh_from_db()
    if not row.enabled:
        waiting = HookCall.objects.filter(hook=row, state=HookCallState.WAITING)
        waiting.update(state=HookCallState.DROPPED, detail="The hook was switched off.", ended_at=Now())
    record(
        actor=actor,
        action="hook.configured",
        object_type="hook",
        object_id=row.pk,
        object_label=row.name,
        before=before,
        after=_audited(row),
    )
    return row


def _described(hook: InstalledHook) -> Description:
    said = describe(hook.name, environ=variables_for(hook))
    if said.problem:
        raise InvalidInputError({"enabled": [f"The hook cannot be switched on: {said.problem}"]})
    if said.api != API_VERSION:
        sentence = f"It was written for version {said.api} of the interface; this is {API_VERSION}. Install another."
        raise InvalidInputError({"enabled": [sentence]})
    return said


def _audited(row: HookSetting) -> dict[str, object]:
    return {
        "enabled": row.enabled, "required": row.required, "on_objection": row.on_objection, "points": row.points,
        "time_limit_s": row.time_limit_s, "distribution": row.distribution, "version": row.version,
    }  # fmt: skip


def _parsed(data: Mapping[str, object]) -> dict[str, object]:
    findings = Findings()
    for field, sentence in unknown_names(data, FIELDS, "field").items():
        findings.add(field, sentence)
    for field in ("enabled", "required"):
        if field in data and not isinstance(data[field], bool):
            findings.add(field, "Give true or false.")
    if "on_objection" in data and data["on_objection"] not in set(OnObjection):
        findings.add("on_objection", f"This is not known. Allowed: {one_of(set(OnObjection))}.")
    limit = data.get("time_limit_s", SHORTEST_LIMIT_S)
    if not isinstance(limit, int) or isinstance(limit, bool) or not SHORTEST_LIMIT_S <= limit <= LONGEST_LIMIT_S:
        sentence = f"Give the time limit in seconds, a whole number from {SHORTEST_LIMIT_S} to {LONGEST_LIMIT_S}."
        findings.add("time_limit_s", sentence)
    findings.check()
    return {field: data[field] for field in FIELDS if field in data}
