"""The drift rules: changing them, and how the present drift would be classed by others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.db import transaction

from audit.actor import Actor
from audit.recorder import record
from devices.domain.drift import change_set
from devices.domain.drift_rules import MAX_PATTERN, MAX_RULES, DriftClass, PatternError, Rule, Ruleset, compiled
from devices.domain.platforms import PLATFORMS
from devices.errors import BadFieldsError, DeviceNotFoundError
from devices.models import DriftRecord, DriftRule
from devices.services.rights import ADMINISTRATOR, require_role
from devices.services.rule_input import RuleInput

PREVIEWED = 100


@dataclass(frozen=True, slots=True)
class RuleDraft:
    """A rule as somebody wrote it, checked. ``position`` orders the rules; the first that fits decides."""

    name: str
    drift_class: DriftClass
    pattern: str
    platforms: tuple[str, ...]
    position: int
    enabled: bool

    def to_rule(self) -> Rule:
        """The rule as it classes lines."""
        return Rule(self.name, self.drift_class, self.pattern, self.platforms)


def parse_rule(data: Mapping[str, object]) -> RuleDraft:
    """Read a rule from raw input: name, drift_class, pattern, platforms (list), position, enabled.

    Raises:
        BadFieldsError: with every sentence about every field.
    """
    given = RuleInput(data)
    name = given.text("name", limit=80).strip()
    if not name:
        given.blame("name", "Give the rule a name of at most 80 characters.")
    drift_class = given.text("drift_class", limit=20)
    if drift_class not in set(DriftClass):
        given.blame("drift_class", f"Choose one of: {', '.join(DriftClass)}.")
    pattern = given.text("pattern", limit=MAX_PATTERN)
    if "pattern" not in given.problems:
        try:
            compiled(pattern)
        except PatternError as error:
            given.blame("pattern", str(error))
    platforms = tuple(given.names("platforms"))
    unknown = [slug for slug in platforms if slug not in PLATFORMS]
    if unknown:
        given.blame("platforms", f"“{unknown[0]}” is no platform. Choose from: {', '.join(PLATFORMS)}.")
    position, enabled = given.whole("position", limit=100_000), given.flag("enabled", default=True)
    given.check()
    return RuleDraft(name, DriftClass(drift_class), pattern, platforms, position, enabled)


@transaction.atomic
def drift_rule_save(*, rule_id: int | None, data: Mapping[str, object], actor: Actor) -> DriftRule:
    """Make a rule, or change one; audited. Open drift is classed anew by the next backups.

    Raises:
        NotPermittedError: no administrator.
        BadFieldsError: with every sentence about every field.
        DeviceNotFoundError: there is no rule with this id.
    """
    require_role(actor, "change the drift rules", ADMINISTRATOR)
    draft = parse_rule(data)
    rule = _locked(rule_id) if rule_id else DriftRule()
    if not rule_id and DriftRule.objects.count() >= MAX_RULES:
        raise BadFieldsError({"name": [f"There are {MAX_RULES} rules already. Remove or join some."]})
    if DriftRule.objects.filter(name=draft.name).exclude(pk=rule.pk).exists():
        raise BadFieldsError({"name": ["Another rule has this name. Choose a different one."]})
    before = _facts(rule) if rule_id else None
    for field in ("name", "pattern", "position", "enabled"):
        setattr(rule, field, getattr(draft, field))
    rule.drift_class, rule.platforms = draft.drift_class.value, list(draft.platforms)
    rule.version += 1 if rule_id else 0
    rule.save()
    _audit(rule, "drift_rule.changed" if rule_id else "drift_rule.created", actor, before, _facts(rule))
    return rule


@transaction.atomic
def drift_rule_delete(*, rule_id: int, actor: Actor) -> None:
    """Remove a rule; audited.

    Raises:
        NotPermittedError: no administrator.
        DeviceNotFoundError: there is no rule with this id.
    """
    require_role(actor, "change the drift rules", ADMINISTRATOR)
    rule = _locked(rule_id)
    _audit(rule, "drift_rule.deleted", actor, _facts(rule), None)
    rule.delete()


def _locked(rule_id: int) -> DriftRule:
    rule = DriftRule.objects.select_for_update().filter(pk=rule_id).first()
    if rule is None:
        raise DeviceNotFoundError(f"There is no drift rule with the id {rule_id}.")
    return rule


def _facts(rule: DriftRule) -> dict[str, object]:
    names = ("name", "drift_class", "pattern", "platforms", "position", "enabled")
    return {name: getattr(rule, name) for name in names}


def _audit(
    rule: DriftRule,
    action: str,
    actor: Actor,
    before: Mapping[str, object] | None,
    after: Mapping[str, object] | None,
) -> None:
    record(
        actor=actor,
        action=action,
        object_type="drift_rule",
        object_id=rule.pk,
        object_label=rule.name,
        before=before,
        after=after,
    )


@dataclass(frozen=True, slots=True)
class Reclassed:
    """One open drift record and the class that other rules would give it."""

    drift: DriftRecord
    drift_class: DriftClass
    rules: tuple[str, ...]

    @property
    def moves(self) -> bool:
        """Whether the class would be another one."""
        return self.drift.drift_class != self.drift_class


def drift_preview(rule_id: int | None, draft: RuleDraft) -> Iterator[Reclassed]:
    """How the newest open drift records would be classed if the rule were saved; nothing is changed.

    One record's texts are in memory at a time.
    """
    ruleset = Ruleset(_with(rule_id, draft))
    records = DriftRecord.objects.open().select_related("device", "baseline__blob", "found__blob")
    for drift in records[:PREVIEWED].iterator(chunk_size=1):
        platform = PLATFORMS.get(drift.device.platform)
        if platform is None:
            continue
        changes = change_set(drift.baseline.blob.text, drift.found.blob.text, platform)
        found = ruleset.classify(changes, drift.device.platform)
        names = dict.fromkeys(match.rule or match.code for match in found.matches)
        yield Reclassed(drift, found.drift_class, tuple(names))


def _with(rule_id: int | None, draft: RuleDraft) -> list[Rule]:
    rows = [
        (row.position, row.pk, Rule(row.name, DriftClass(row.drift_class), row.pattern, tuple(row.platforms)))
        for row in DriftRule.objects.filter(enabled=True).exclude(pk=rule_id or 0)
    ]
    if draft.enabled:
        rows.append((draft.position, rule_id or 2**62, draft.to_rule()))
    return [rule for _position, _pk, rule in sorted(rows, key=lambda row: row[:2])]
