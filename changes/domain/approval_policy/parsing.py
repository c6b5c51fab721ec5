"""From a document to a policy: strict, with every finding at once and under the path of its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import time
from typing import Final

from changes.domain.approval_policy.condition_parsing import Budget, clock, parse_condition
from changes.domain.approval_policy.document import SCHEMA, ApprovalPolicy, Ask, PreApproval, Rule, StageSpec
from changes.domain.approval_policy.guarantee import what_is_not_sure
from changes.domain.approval_policy.hours import BusinessTime, zone_of
from changes.domain.approval_policy.places import MAX_LONG_TEXT, Place
from changes.domain.approval_policy.vocabulary import Duty, StageStep, Weekday
from changes.domain.input import Findings, did_you_mean, shown
from changes.domain.roles import Role

MAX_STAGES: Final = 20
MAX_RULES: Final = 60
MAX_QUORUM: Final = 20
MAX_HOURS: Final = 366 * 24
MAX_VERSION: Final = 1_000_000

_STAGE_FIELDS: Final = (
    "quorum", "from_each_group", "expires_after_h", "delegates", "escalate", "remind_every_h",
)  # fmt: skip


def parse_policy(data: object) -> ApprovalPolicy:
    """Read a whole document, as it came out of JSON or YAML.

    A policy that could let a change through without an independent approver is refused; the one exception are
    pre-approved standard changes.

    Raises:
        InvalidInputError: with sentences under paths such as ``rules[2].when.all[0].sites``.
    """
    findings = Findings()
    place = Place(findings)
    fields = place.mapping(
        data,
        required=("schema", "name", "version", "title", "stages", "rules"),
        known=("description", "business_hours", "pre_approval"),
    )
    findings.check()
    assert fields is not None  # noqa: S101 - anything else was found above
    if fields["schema"] != SCHEMA:
        place.at("schema").say(f'"{shown(fields["schema"])}" is not known. Write "{SCHEMA}".')
    budget = Budget()
    name = place.at("name").name(fields["name"])
    version = place.at("version").integer(fields["version"], least=1, most=MAX_VERSION)
    title = place.at("title").text(fields["title"])
    about = place.at("description").text(fields.get("description", ""), limit=MAX_LONG_TEXT, empty=True)
    business = _business_time(fields.get("business_hours", {}), place.at("business_hours"))
    pre_approval = _pre_approval(fields.get("pre_approval", {}), place.at("pre_approval"), budget)
    stages = _stages(fields["stages"], place.at("stages"))
    rules = _rules(fields["rules"], place.at("rules"), budget, [stage.name for stage in stages])
    findings.check()
    policy = ApprovalPolicy(
        str(name), version or 0, str(title), tuple(stages), tuple(rules), str(about), business, pre_approval
    )
    for sentence in what_is_not_sure(policy):
        place.at("rules").say(sentence)
    findings.check()
    return policy


def _business_time(value: object, place: Place) -> BusinessTime:
    default = BusinessTime()
    fields = place.mapping(value, known=("time_zone", "weekdays", "start", "end"))
    if not fields:
        return default
    zone = _zone(fields.get("time_zone", default.time_zone), place.at("time_zone"))
    days: tuple[Weekday, ...] | None = default.weekdays
    if "weekdays" in fields:
        days = place.at("weekdays").words(fields["weekdays"], Weekday, kind="weekday")
    times: dict[str, time | None] = {
        name: clock(fields[name], place.at(name)) if name in fields else getattr(default, name)
        for name in ("start", "end")
    }
    start, end = times["start"], times["end"]
    if zone is None or days is None or start is None or end is None:
        return default
    if end <= start:
        place.at("end").say("Business hours must end after they start, on the same day.")
    return BusinessTime(zone, days, start, end)


def _zone(value: object, place: Place) -> str | None:
    try:
        if isinstance(value, str) and value and zone_of(value):
            return value
    except (ValueError, OSError, LookupError):
        pass
    place.say(f'"{shown(value)}" is not a time zone. Write a name such as "Europe/Berlin" or "UTC".')
    return None


def _pre_approval(value: object, place: Place, budget: Budget) -> PreApproval:
    fields = place.mapping(value, known=("allowed", "unless")) or {}
    allowed = place.at("allowed").boolean(fields.get("allowed", False))
    unless = parse_condition(fields["unless"], place.at("unless"), budget) if "unless" in fields else None
    return PreApproval(bool(allowed), unless)


def _stages(value: object, place: Place) -> list[StageSpec]:
    items = place.list(value, limit=MAX_STAGES) or ()
    stages: list[StageSpec] = []
    for index, item in enumerate(items):
        stage = _stage(item, place.item(index))
        if stage is None:
            continue
        if stage.name in {known.name for known in stages}:
            place.item(index).at("name").say(f'The stage "{stage.name}" stands twice. Name each stage once.')
        if stages and stages[-1].step is StageStep.AUTHORIZATION and stage.step is StageStep.ASSESSMENT:
            place.item(index).at("step").say("Stages of the assessment come before those of the authorization.")
        stages.append(stage)
    return stages


def _stage(value: object, place: Place) -> StageSpec | None:
    fields = place.mapping(value, required=("name", "title", "step", "groups"), known=_STAGE_FIELDS)
    if fields is None:
        return None
    name = place.at("name").name(fields["name"])
    title = place.at("title").text(fields["title"])
    step = place.at("step").word(fields["step"], StageStep, kind="step")
    groups = _deciding(fields["groups"], place.at("groups"))
    quorum = place.at("quorum").integer(fields.get("quorum", 1), least=1, most=MAX_QUORUM)
    each = place.at("from_each_group").boolean(fields.get("from_each_group", False))
    delegates = _deciding(fields.get("delegates", []), place.at("delegates"), empty=True)
    escalate_after, escalate_to = _escalation(fields.get("escalate"), place.at("escalate"))
    if each and groups and quorum and quorum < len(groups):
        place.at("quorum").say(f"With from_each_group the quorum is at least the number of groups, {len(groups)}.")
    if name is None or title is None or step is None or groups is None or quorum is None or delegates is None:
        return None
    return StageSpec(
        name, title, step, groups, quorum, bool(each), _hours(fields, "expires_after_h", place), delegates,
        escalate_after, escalate_to, _hours(fields, "remind_every_h", place),
    )  # fmt: skip


def _hours(fields: Mapping[str, object], name: str, place: Place) -> int:
    return place.at(name).integer(fields.get(name, 0), least=0, most=MAX_HOURS) or 0


def _deciding(value: object, place: Place, *, empty: bool = False) -> tuple[str, ...] | None:
    """Groups whose members decide something, which auditors never do."""
    groups = place.groups(value, empty=empty)
    if groups and Role.AUDITOR in groups:
        place.say("Auditors only read, so their group cannot approve. Name another group.")
        return None
    return groups


def _escalation(value: object, place: Place) -> tuple[int, tuple[str, ...]]:
    if value is None or value == {"after_h": 0, "to": []}:
        return 0, ()
    fields = place.mapping(value, required=("after_h", "to"))
    if fields is None:
        return 0, ()
    after = place.at("after_h").integer(fields["after_h"], least=1, most=MAX_HOURS)
    return after or 0, place.at("to").groups(fields["to"]) or ()


def _rules(value: object, place: Place, budget: Budget, stages: Sequence[str]) -> list[Rule]:
    items = place.list(value, limit=MAX_RULES) or ()
    rules: list[Rule] = []
    for index, item in enumerate(items):
        rule = _rule(item, place.item(index), budget, stages)
        if rule is None:
            continue
        if rule.name in {known.name for known in rules}:
            place.item(index).at("name").say(f'The rule "{rule.name}" stands twice. Name each rule once.')
        rules.append(rule)
    return rules


def _rule(value: object, place: Place, budget: Budget, stages: Sequence[str]) -> Rule | None:
    fields = place.mapping(value, required=("name", "when"), known=("reason", "ask", "duties"))
    if fields is None:
        return None
    name = place.at("name").name(fields["name"])
    reason = place.at("reason").text(fields.get("reason", ""), empty=True)
    when = parse_condition(fields["when"], place.at("when"), budget)
    asks = _asks(fields.get("ask", []), place.at("ask"), stages)
    duties: tuple[Duty, ...] | None = ()
    if fields.get("duties", []) != []:
        duties = place.at("duties").words(fields["duties"], Duty, kind="duty")
    if asks == () and duties == ():
        place.say("This rule asks for nothing. Name stages under ask, or duties.")
    if name is None or when is None or asks is None or duties is None:
        return None
    return Rule(name, when, asks, duties, reason or "")


def _asks(value: object, place: Place, stages: Sequence[str]) -> tuple[Ask, ...] | None:
    items = place.list(value, limit=MAX_STAGES, empty=True)
    if items is None:
        return None
    asks = [_ask(item, place.item(index), stages) for index, item in enumerate(items)]
    found = tuple(ask for ask in asks if ask is not None)
    names = [ask.stage for ask in found]
    if len(set(names)) != len(names):
        place.say("A rule asks for a stage once. Name the larger quorum only.")
        return None
    return found if len(found) == len(items) else None


def _ask(value: object, place: Place, stages: Sequence[str]) -> Ask | None:
    fields = place.mapping(value, required=("stage",), known=("quorum", "expires_after_h"))
    if fields is None:
        return None
    name = fields["stage"]
    if not isinstance(name, str) or name not in stages:
        near = did_you_mean(str(name), stages)
        place.at("stage").say(f'There is no stage "{shown(name)}" in this policy.{near} Stages: {", ".join(stages)}.')
        return None
    quorum = place.at("quorum").integer(fields["quorum"], least=1, most=MAX_QUORUM) if "quorum" in fields else 0
    hours = fields.get("expires_after_h", 0)
    expires = place.at("expires_after_h").integer(hours, least=1, most=MAX_HOURS) if hours else 0
    return None if quorum is None or expires is None else Ask(name, quorum, expires)
