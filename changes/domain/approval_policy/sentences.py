"""What a policy says, in sentences: its stages, its rules, and its path of pre-approval."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any as Anything
from typing import Final

from changes.domain.approval_policy.conditions import All, Always, Any, Condition, Not, TypeIs
from changes.domain.approval_policy.document import ApprovalPolicy, Ask, Rule, StageSpec
from changes.domain.approval_policy.hours import BusinessTime
from changes.domain.approval_policy.leaves import DeviceCount, HasWarning, RiskAtLeast, ValuesIn, WindowIs
from changes.domain.approval_policy.vocabulary import BusinessHours
from changes.domain.risk.levels import RiskLevel
from changes.domain.roles import group_label
from devices.domain.warnings.content_kinds import ContentKind

_HAVE: Final = {
    "platforms": "a device runs the platform",
    "roles": "a device has the role",
    "sites": "a device is at the site",
    "tags": "a device carries the tag",
    "tenants": "a device belongs to the tenant",
}


def stage_sentences(stage: StageSpec) -> tuple[str, ...]:
    """Who decides in a stage, for how long it counts, and who is told: one sentence for each."""
    groups = either(group_label(group) for group in stage.groups)
    found = [f"{_approvals(stage.quorum)} from members of {groups}{_each(stage)}."]
    if stage.expires_after_h:
        found.append(f"An approval counts for {hours(stage.expires_after_h)}.")
    if stage.delegates:
        found.append(f"Members of {either(map(group_label, stage.delegates))} may act for somebody who is absent.")
    if stage.remind_every_h:
        every = hours(stage.remind_every_h).removeprefix("1 ")
        found.append(f"Who may act is reminded every {every}.")
    if stage.escalate_after_h:
        told = either(map(group_label, stage.escalate_to), last="and")
        found.append(f"After {hours(stage.escalate_after_h)} of waiting {told} is told, who gains no right by it.")
    return tuple(found)


def rule_sentence(rule: Rule, policy: ApprovalPolicy) -> str:
    """When a rule holds and what it asks then, as one sentence."""
    titles = {stage.name: stage.title for stage in policy.stages}
    asked = [_asked(ask, titles) for ask in rule.asks]
    parts = []
    if asked:
        parts.append(f"{either(asked, last='and')} {'is' if len(asked) == 1 else 'are'} asked")
    if rule.duties:
        duties = "; ".join(duty.label.lower() for duty in rule.duties)
        parts.append(f"the duties hold: {duties}")
    when = condition_words(rule.when, policy.business_time)
    lead = "Of every change" if isinstance(rule.when, Always) else f"Where {when}"
    return f"{lead}, {' and '.join(parts)}."


def pre_approval_sentence(policy: ApprovalPolicy) -> str:
    """What becomes of a standard change inside its template's envelope."""
    if not policy.pre_approval.allowed:
        return "No change is pre-approved: a standard change is asked what a normal one is."
    sentence = "A standard change inside its template's approved envelope is pre-approved"
    unless = policy.pre_approval.unless
    return f"{sentence}." if unless is None else f"{sentence} unless {condition_words(unless, policy.business_time)}."


def business_hours_sentence(policy: ApprovalPolicy) -> str:
    """When people work, by the policy's clock."""
    time = policy.business_time
    days = either((day.label for day in time.weekdays), last="and")
    return f"Business hours are {time.start:%H:%M} to {time.end:%H:%M} ({time.time_zone}) on {days}."


def condition_words(condition: Condition, business: BusinessTime) -> str:
    """A condition as a clause; parts that are joined otherwise than their surroundings stand in brackets."""
    return _WORDS[type(condition)](condition, business)


def either(words: Iterable[str], *, last: str = "or") -> str:
    """``a, b or c``."""
    found = list(words)
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} {last} {found[-1]}" if found else ""


def hours(count: int) -> str:
    """Hours as people count them: ``36 hours``, ``30 days``."""
    if count % 24 == 0 and count >= 48:
        return f"{count // 24:,} days"
    return "1 hour" if count == 1 else f"{count:,} hours"


def _approvals(count: int) -> str:
    return "1 approval" if count == 1 else f"{count} approvals"


def _each(stage: StageSpec) -> str:
    return ", at least one of each group" if stage.from_each_group else ""


def _asked(ask: Ask, titles: dict[str, str]) -> str:
    extra = []
    if ask.quorum:
        extra.append(_approvals(ask.quorum))
    if ask.expires_after_h:
        extra.append(f"each counts for {hours(ask.expires_after_h)}")
    return titles[ask.stage] + (f" ({', '.join(extra)})" if extra else "")


def _joined(parts: Iterable[Condition], word: str, business: BusinessTime) -> str:
    return f" {word} ".join(_bracketed(part, word, business) for part in parts)


def _bracketed(part: Condition, word: str, business: BusinessTime) -> str:
    text = condition_words(part, business)
    several = isinstance(part, All | Any) and len(part.parts) > 1
    return f"({text})" if several and (word == "and") is not isinstance(part, All) else text


def _type(condition: TypeIs, _business: BusinessTime) -> str:
    kinds = either(kind.label.lower() for kind in condition.types)
    return f"the change is {'an' if kinds.startswith('e') else 'a'} {kinds} change"


def _risk(condition: RiskAtLeast, _business: BusinessTime) -> str:
    top = condition.level is list(RiskLevel)[-1]
    return f"the risk is {condition.level.label.lower()}{'' if top else ' or higher'}"


def _count(condition: DeviceCount, _business: BusinessTime) -> str:
    least, most = condition.at_least, condition.at_most
    if most is None:
        return f"the change is for {least:,} devices or more"
    return f"the change is for at most {most:,} devices" if not least else f"it is for {least:,} to {most:,} devices"


def _values(condition: ValuesIn, _business: BusinessTime) -> str:
    many = condition.devices_at_least
    on = f" on {many:,} devices or more" if many > 1 else ""
    if condition.fact == "content":
        kinds = [ContentKind(kind).phrase.rsplit(" ", 1)[0] for kind in condition.values]
        return f"{either(kinds)} is touched{on}"
    lead = _HAVE[condition.fact]
    return f"{lead} {either(condition.values)}" + (f" ({many:,} devices or more)" if many > 1 else "")


def _warning(condition: HasWarning, _business: BusinessTime) -> str:
    least = condition.severity_at_least
    severity = "any severity" if least.rank == 0 else f"{least.label.lower()} severity or worse"
    named = f"warns of {either(condition.codes)}" if condition.codes else "has a warning"
    return f"the plan {named} ({severity})"


def _window(condition: WindowIs, business: BusinessTime) -> str:
    found = []
    if condition.weekdays:
        found.append(f"is on a {either(day.label for day in condition.weekdays)}")
    if condition.business_hours:
        touched = condition.business_hours is BusinessHours.TOUCHED
        found.append("touches business hours" if touched else "lies outside business hours")
    if condition.longer_than_min is not None:
        found.append(f"is longer than {condition.longer_than_min:,} minutes")
    if condition.starts_from is not None and condition.starts_before is not None:
        between = f"{condition.starts_from:%H:%M} and {condition.starts_before:%H:%M}"
        found.append(f"starts between {between} ({business.time_zone})")
    return f"the window {either(found, last='and')}"


def _not(condition: Not, business: BusinessTime) -> str:
    return f"it is not so that ({condition_words(condition.part, business)})"


_WORDS: Final[dict[type, Callable[[Anything, BusinessTime], str]]] = {
    Always: lambda _condition, _business: "it is any change",
    TypeIs: _type,
    RiskAtLeast: _risk,
    DeviceCount: _count,
    ValuesIn: _values,
    HasWarning: _warning,
    WindowIs: _window,
    All: lambda condition, business: _joined(condition.parts, "and", business),
    Any: lambda condition, business: _joined(condition.parts, "or", business),
    Not: _not,
}
