"""Compliance: rules as data, and what they find on the latest valid configuration of each device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Now
from django_q.tasks import async_task

from audit.actor import Actor
from audit.recorder import record
from devices.domain.compliance import (
    NO_CONFIG,
    NOT_APPLICABLE,
    Assessment,
    ComplianceState,
    Feature,
    assess,
    feature_problems,
    not_assessed,
)
from devices.domain.platforms import PLATFORMS
from devices.errors import BadFieldsError, DeviceNotFoundError
from devices.models import ComplianceResult, ComplianceRule, ConfigSnapshot, Device, DeviceStatus
from devices.services.rights import ADMINISTRATOR, require_role
from devices.services.rule_input import RuleInput
from devices.services.scrubbing import Scrubber

MAX_TEXT = 20_000
_FINDING_LIMIT = 10_000
_TASK = "devices.tasks.compliance_assess_rule"


def compliance_assess(*, device_id: int, snapshot_id: int | None) -> int:
    """Judge a device by every rule of its platform; returns how many were judged anew.

    What was found by the same version of a rule on the same text stays as it is. What rules of a platform found that
    the device no longer has is forgotten.
    """
    device = Device.objects.get(pk=device_id)
    ComplianceResult.objects.filter(device=device).exclude(rule__platform=device.platform).delete()
    rules = ComplianceRule.objects.filter(platform=device.platform, enabled=True)
    snapshot = ConfigSnapshot.objects.select_related("blob").filter(pk=snapshot_id or 0).first()
    return sum(_assess_one(device, rule, snapshot) for rule in rules)


def compliance_assess_rule(rule_id: int) -> int:
    """Judge every device of a rule's platform by it, one at a time; returns how many were judged anew."""
    rule = ComplianceRule.objects.filter(pk=rule_id, enabled=True).first()
    if rule is None:
        return 0
    newest = ConfigSnapshot.objects.filter(device=OuterRef("pk")).order_by("-pk").values("pk")[:1]
    devices = Device.objects.filter(platform=rule.platform).annotate(newest=Subquery(newest)).order_by("pk")
    done = 0
    for device in devices.iterator(chunk_size=200):
        newest_id: int | None = getattr(device, "newest")  # noqa: B009 - an annotation
        snapshot = ConfigSnapshot.objects.select_related("blob").get(pk=newest_id) if newest_id else None
        done += _assess_one(device, rule, snapshot)
    return done


def _assess_one(device: Device, rule: ComplianceRule, snapshot: ConfigSnapshot | None) -> bool:
    known = ComplianceResult.objects.filter(device=device, rule=rule).select_related("snapshot").first()
    same_text = bool(known and snapshot and known.snapshot and known.snapshot.blob_id == snapshot.blob_id)
    if known and same_text and known.rule_version == rule.version and _applies(rule, device) == _was_applied(known):
        return False
    found = _judge(device, rule, snapshot)
    scrub = Scrubber.load()
    ComplianceResult.objects.update_or_create(
        device=device,
        rule=rule,
        defaults={
            "rule_version": rule.version,
            "state": found.state.value,
            "code": found.code,
            "missing": scrub(found.missing)[:_FINDING_LIMIT],
            "extra": scrub(found.extra)[:_FINDING_LIMIT],
            "snapshot": snapshot,
            "assessed_at": Now(),
        },
    )
    return True


def _was_applied(known: ComplianceResult) -> bool:
    return known.code != NOT_APPLICABLE


def _judge(device: Device, rule: ComplianceRule, snapshot: ConfigSnapshot | None) -> Assessment:
    if not _applies(rule, device):
        return not_assessed(NOT_APPLICABLE)
    if snapshot is None:
        return not_assessed(NO_CONFIG)
    return assess(feature_of(rule), snapshot.blob.text, PLATFORMS[rule.platform])


def _applies(rule: ComplianceRule, device: Device) -> bool:
    return (
        (not rule.sites or device.site in rule.sites)
        and (not rule.roles or device.role in rule.roles)
        and (not rule.tags or bool(set(rule.tags) & set(device.tags)))
    )


def feature_of(rule: ComplianceRule) -> Feature:
    """A rule as the comparison takes it."""
    section = tuple(line.strip() for line in rule.section.splitlines() if line.strip())
    return Feature(rule.feature, section, rule.intended, rule.ordered)


@dataclass(frozen=True, slots=True)
class RuleText:
    """A compliance rule as somebody wrote it, checked."""

    platform: str
    feature: str
    description: str
    section: str
    intended: str
    ordered: bool
    sites: list[str]
    roles: list[str]
    tags: list[str]
    enabled: bool


def parse_compliance_rule(data: Mapping[str, object]) -> RuleText:
    """Read a rule from raw input with the names of the model's fields; lists for sites, roles and tags.

    Raises:
        BadFieldsError: with every sentence about every field.
    """
    given = RuleInput(data)
    platform, feature = given.text("platform", limit=40), given.text("feature", limit=80).strip()
    section, intended = (given.text(name, limit=MAX_TEXT, lines=True) for name in ("section", "intended"))
    if not feature:
        given.blame("feature", "Name the feature, in at most 80 characters.")
    if platform not in PLATFORMS:
        given.blame("platform", f"Choose one of: {', '.join(PLATFORMS)}.")
    elif not given.problems:
        heads = tuple(line for line in section.splitlines() if line.strip())
        found = feature_problems(Feature(feature, heads, intended), platform)
        if found:
            given.blame("section", *found)
    rule = RuleText(
        platform=platform,
        feature=feature,
        description=given.text("description", limit=2000, lines=True).strip(),
        section=section,
        intended=intended,
        ordered=given.flag("ordered", default=False),
        sites=given.names("sites"),
        roles=given.names("roles"),
        tags=given.names("tags"),
        enabled=given.flag("enabled", default=True),
    )
    given.check()
    return rule


@transaction.atomic
def compliance_rule_save(*, rule_id: int | None, data: Mapping[str, object], actor: Actor) -> ComplianceRule:
    """Make a compliance rule, or change one, and have the workers judge the devices by it; audited.

    Raises:
        NotPermittedError: no administrator.
        BadFieldsError: with every sentence about every field.
        DeviceNotFoundError: there is no rule with this id.
    """
    require_role(actor, "change the compliance rules", ADMINISTRATOR)
    text = parse_compliance_rule(data)
    rule = _locked(rule_id) if rule_id else ComplianceRule()
    twins = ComplianceRule.objects.filter(platform=text.platform, feature=text.feature)
    if twins.exclude(pk=rule.pk).exists():
        raise BadFieldsError({"feature": ["There is a rule for this feature and platform already. Change that one."]})
    before = _facts(rule) if rule_id else None
    for name in RuleText.__dataclass_fields__:
        setattr(rule, name, getattr(text, name))
    rule.version += 1 if rule_id else 0
    rule.save()
    if not rule.enabled:
        rule.results.all().delete()
    _audit(rule, "compliance_rule.changed" if rule_id else "compliance_rule.created", actor, before, _facts(rule))
    transaction.on_commit(lambda: async_task(_TASK, rule.pk), robust=True)
    return rule


@transaction.atomic
def compliance_rule_delete(*, rule_id: int, actor: Actor) -> None:
    """Remove a compliance rule and what it found; audited.

    Raises:
        NotPermittedError: no administrator.
        DeviceNotFoundError: there is no rule with this id.
    """
    require_role(actor, "change the compliance rules", ADMINISTRATOR)
    rule = _locked(rule_id)
    _audit(rule, "compliance_rule.deleted", actor, _facts(rule), None)
    rule.delete()


def _locked(rule_id: int) -> ComplianceRule:
    rule = ComplianceRule.objects.select_for_update().filter(pk=rule_id).first()
    if rule is None:
        raise DeviceNotFoundError(f"There is no compliance rule with the id {rule_id}.")
    return rule


def _facts(rule: ComplianceRule) -> dict[str, object]:
    """What the log keeps of a rule; intended lines masked, since people paste configurations."""
    facts = {name: getattr(rule, name) for name in RuleText.__dataclass_fields__}
    return {**facts, "intended": Scrubber.load()(rule.intended)}


def _audit(
    rule: ComplianceRule,
    action: str,
    actor: Actor,
    before: Mapping[str, object] | None,
    after: Mapping[str, object] | None,
) -> None:
    record(
        actor=actor,
        action=action,
        object_type="compliance_rule",
        object_id=rule.pk,
        object_label=str(rule),
        before=before,
        after=after,
    )


@dataclass(frozen=True, slots=True)
class Score:
    """Results added up. ``percent`` is the share of the compliant among the assessed, None where none was assessed."""

    compliant: int
    assessed: int
    not_assessed: int

    @property
    def failing(self) -> int:
        """Assessed and not compliant."""
        return self.assessed - self.compliant

    @property
    def percent(self) -> int | None:
        """Rounded down, so that 100 means all."""
        return self.compliant * 100 // self.assessed if self.assessed else None


def listed(results: str = "") -> Q:
    """Results of devices that their source still lists; ``results`` is the way to them, such as ``results__``."""
    return ~Q(**{f"{results}device__status": DeviceStatus.MISSING})


def score_of(results: QuerySet[ComplianceResult]) -> Score:
    """Add the results of listed devices up; one query."""
    compliant, absent = Q(state=ComplianceState.COMPLIANT), Q(state=ComplianceState.NOT_ASSESSED)
    found = (
        results.filter(listed())
        .order_by()
        .aggregate(all=Count("pk"), compliant=Count("pk", filter=compliant), absent=Count("pk", filter=absent))
    )
    return Score(found["compliant"], found["all"] - found["absent"], found["absent"])
