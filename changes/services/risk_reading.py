"""The risk of a plan as pages and the API show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from changes.domain.risk.facts import RiskFacts
from changes.domain.risk.questions import Question, askable
from changes.domain.risk.weights import UnknownWeightsError, weights_of
from changes.models import PlanRevision, RiskAnswer, RiskAssessment, RiskOverride
from changes.services.risk import risk_newest


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """A question with the answer that was given, if one was; ``by`` is who gave it."""

    question: Question
    answer: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class RiskReading:
    """The newest assessment of a plan with its questions and the overrides of the change, newest first."""

    assessment: RiskAssessment
    questions: tuple[AskedQuestion, ...]
    overrides: tuple[RiskOverride, ...]

    @property
    def components(self) -> Sequence[Mapping[str, Any]]:
        """The components as they were stored."""
        found: Sequence[Mapping[str, Any]] = self.assessment.result["components"]
        return found

    @property
    def least(self) -> Sequence[Mapping[str, str]]:
        """The least levels that hold, each with its reason."""
        found: Sequence[Mapping[str, str]] = self.assessment.result["least"]
        return found


def risk_read(revision: PlanRevision | None) -> RiskReading | None:
    """The risk of a plan; None: there is no plan, or nobody assessed it. Three queries."""
    assessment = risk_newest(revision)
    if assessment is None or revision is None:
        return None
    given = RiskAnswer.objects.filter(revision=revision).order_by("pk").select_related("person")
    answers = {row.fact: row for row in given}
    overrides = RiskOverride.objects.filter(change_id=revision.change_id).select_related("person", "revision")
    return RiskReading(assessment, tuple(_asked(assessment, answers)), tuple(overrides.order_by("-pk")[:20]))


def _asked(assessment: RiskAssessment, answers: Mapping[str, RiskAnswer]) -> Sequence[AskedQuestion]:
    try:
        weights = weights_of(assessment.weights)
    except UnknownWeightsError:
        return ()
    found = []
    for question in askable(RiskFacts.of(assessment.facts), weights):
        row = answers.get(question.fact)
        found.append(AskedQuestion(question, row.answer, row.person.get_username()) if row else AskedQuestion(question))
    return found
