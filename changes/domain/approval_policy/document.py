"""A policy document as values: its stages in order, its rules, and its one canonical form."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Final

import yaml

from changes.domain.approval_policy.conditions import Condition
from changes.domain.approval_policy.hours import BusinessTime
from changes.domain.approval_policy.vocabulary import Duty, StageStep
from changes.domain.canonical import canonical_json

SCHEMA: Final = "countersign.approval-policy/1"


@dataclass(frozen=True, slots=True)
class StageSpec:
    """A stage that rules may ask for; the fields are those of :class:`~.stages.Stage`, ``title`` is for people."""

    name: str
    title: str
    step: StageStep
    groups: tuple[str, ...]
    quorum: int = 1
    from_each_group: bool = False
    expires_after_h: int = 0
    delegates: tuple[str, ...] = ()
    escalate_after_h: int = 0
    escalate_to: tuple[str, ...] = ()
    remind_every_h: int = 0

    def to_data(self) -> dict[str, object]:
        """As it stands in a document, with every field."""
        return {
            "name": self.name,
            "title": self.title,
            "step": self.step.value,
            "groups": list(self.groups),
            "quorum": self.quorum,
            "from_each_group": self.from_each_group,
            "expires_after_h": self.expires_after_h,
            "delegates": list(self.delegates),
            "escalate": {"after_h": self.escalate_after_h, "to": list(self.escalate_to)},
            "remind_every_h": self.remind_every_h,
        }


@dataclass(frozen=True, slots=True)
class Ask:
    """What one rule asks of one stage. ``quorum`` 0 and ``expires_after_h`` 0: as the stage says.

    A rule can only make a stage stricter: the largest quorum and the shortest time of all rules hold.
    """

    stage: str
    quorum: int = 0
    expires_after_h: int = 0

    def to_data(self) -> dict[str, object]:
        """As it stands in a document, without what it leaves to the stage."""
        value: dict[str, object] = {"stage": self.stage}
        if self.quorum:
            value["quorum"] = self.quorum
        if self.expires_after_h:
            value["expires_after_h"] = self.expires_after_h
        return value


@dataclass(frozen=True, slots=True)
class Rule:
    """When the condition holds, the stages and the duties are asked."""

    name: str
    when: Condition
    asks: tuple[Ask, ...] = ()
    duties: tuple[Duty, ...] = ()
    reason: str = ""

    def to_data(self) -> dict[str, object]:
        """As it stands in a document."""
        return {
            "name": self.name,
            "reason": self.reason,
            "when": self.when.to_data(),
            "ask": [ask.to_data() for ask in self.asks],
            "duties": [duty.value for duty in Duty if duty in self.duties],
        }


@dataclass(frozen=True, slots=True)
class PreApproval:
    """The path of standard changes: inside the approved envelope no stage is asked, unless ``unless`` holds."""

    allowed: bool = False
    unless: Condition | None = None

    def to_data(self) -> dict[str, object]:
        """As it stands in a document."""
        value: dict[str, object] = {"allowed": self.allowed}
        return value if self.unless is None else {**value, "unless": self.unless.to_data()}


@dataclass(frozen=True, slots=True)
class ApprovalPolicy:
    """One version of a policy. Made by :func:`changes.domain.approval_policy.parsing.parse_policy` only.

    ``stages`` are in the order in which they are asked; the order of ``rules`` means nothing.
    """

    name: str
    version: int
    title: str
    stages: tuple[StageSpec, ...]
    rules: tuple[Rule, ...]
    description: str = ""
    business_time: BusinessTime = field(default_factory=BusinessTime)
    pre_approval: PreApproval = field(default_factory=PreApproval)
    digest: str = field(init=False, compare=False, repr=False)
    """SHA-256 of the canonical form, in hexadecimal digits."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", hashlib.sha256(self.canonical()).hexdigest())

    @property
    def label(self) -> str:
        """What plans keep as their policy version: ``builtin-1``."""
        return f"{self.name}-{self.version}"

    def to_data(self) -> dict[str, object]:
        """The whole document as JSON, with every default written out."""
        return {
            "schema": SCHEMA,
            "name": self.name,
            "version": self.version,
            "title": self.title,
            "description": self.description,
            "business_hours": self.business_time.to_data(),
            "pre_approval": self.pre_approval.to_data(),
            "stages": [stage.to_data() for stage in self.stages],
            "rules": [rule.to_data() for rule in self.rules],
        }

    def canonical(self) -> bytes:
        """The one sequence of bytes that this policy is, however its document was written."""
        return canonical_json(self.to_data())

    def to_json(self) -> str:
        """A file for people and programs; reading it gives the same policy and the same digest."""
        return json.dumps(self.to_data(), indent=2, ensure_ascii=False) + "\n"

    def to_yaml(self) -> str:
        """The same as YAML."""
        return yaml.safe_dump(self.to_data(), sort_keys=False, allow_unicode=True, width=100)
