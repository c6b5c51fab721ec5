"""The risk of a change as its pages show it: the score in parts, what is asked, and who set another level."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from changes.domain.manager_duties import MIN_REASON
from changes.domain.risk.levels import RiskLevel
from changes.domain.risk.overriding import may_answer, may_override
from changes.domain.risk.weights import Factor
from changes.domain.states import ChangeState
from changes.services.risk_reading import AskedQuestion, RiskReading, risk_read
from portal.presenters.sight import Sight
from portal.presenters.visible import Mask


@dataclass(frozen=True, slots=True)
class Part:
    """One component: points of the most that it can have, why, and what would make it less."""

    label: str
    points: int
    most: int
    reason: str
    lower: str
    missing: bool
    answered: bool


@dataclass(frozen=True, slots=True)
class SetLevel:
    """A level that a person set; ``here`` says whether it was for the plan that stands now."""

    level: str
    computed: str
    by: str
    reason: str
    at: datetime
    here: bool


@dataclass(frozen=True, slots=True)
class ShownRisk:
    """The section of a change's page. ``level`` holds, ``computed`` is what the facts alone give."""

    level: str
    computed: str
    score: int
    sentence: str
    parts: tuple[Part, ...]
    least: tuple[str, ...]
    questions: tuple[AskedQuestion, ...]
    open_questions: int
    overrides: tuple[SetLevel, ...]
    plan_digest: str
    version: str
    may_answer: bool
    may_set: bool

    @property
    def differs(self) -> bool:
        """Whether a person's level holds instead of the computed one."""
        return self.level != self.computed


def risk_of(sight: Sight, mask: Mask) -> ShownRisk | None:
    """The risk of the change's plan; None: there is no plan that was assessed. Three queries."""
    reading = risk_read(sight.revision)
    return _shown(reading, sight, mask) if reading else None


def levels_to_set(sight: Sight, current: str) -> list[tuple[str, str]]:
    """The levels that this person may set now; in review only higher ones. Whether a reason is good comes later."""
    held = RiskLevel(current)
    draft, some = sight.change.state == ChangeState.DRAFT, "x" * MIN_REASON
    return [
        (level.value, level.label)
        for level in RiskLevel
        if (draft or level.rank > held.rank)
        and may_override(sight.person, sight.facts, effective=held, wanted=level, reason=some)
    ]


def _shown(reading: RiskReading, sight: Sight, mask: Mask) -> ShownRisk:
    row = reading.assessment
    parts = tuple(sorted((_part(each) for each in reading.components), key=lambda part: -part.points))
    return ShownRisk(
        level=row.level,
        computed=row.computed,
        score=row.score,
        sentence=_sentence(parts),
        parts=parts,
        least=tuple(each["reason"] for each in reading.least),
        questions=reading.questions,
        open_questions=sum(1 for each in reading.questions if not each.answer),
        overrides=tuple(_set(each, row.plan_digest, mask) for each in reading.overrides),
        plan_digest=row.plan_digest,
        version=row.weights,
        may_answer=may_answer(sight.person, sight.facts).allowed,
        may_set=bool(levels_to_set(sight, row.level)),
    )


def _part(component: Mapping[str, Any]) -> Part:
    return Part(
        label=Factor(component["factor"]).label,
        points=component["points"],
        most=component["most"],
        reason=component["reason"],
        lower=component["lower"],
        missing=bool(component["missing"]),
        answered=bool(component["answered"]),
    )


def _sentence(parts: tuple[Part, ...]) -> str:
    heavy = [f"{part.label.lower()} {part.points}" for part in parts[:3] if part.points]
    return f"Most points are for {', '.join(heavy)}." if heavy else "No part of the score has points."


def _set(row: Any, digest: str, mask: Mask) -> SetLevel:  # noqa: ANN401 - a RiskOverride
    return SetLevel(
        RiskLevel(row.level).label,
        RiskLevel(row.computed).label,
        row.person.get_username(),
        mask.prose(row.reason),
        row.set_at,
        row.plan_digest == digest,
    )
