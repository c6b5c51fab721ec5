"""Questions about facts that nobody knows, each with its possible answers and what each would add to the score."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from changes.domain.errors import InvalidInputError
from changes.domain.input import one_of
from changes.domain.risk.facts import History, RiskFacts, Rollback, Timing, WarningCounts
from changes.domain.risk.scoring import READS, assess
from changes.domain.risk.weights import CURRENT, Factor, Weights
from devices.domain.criticality import Criticality


@dataclass(frozen=True, slots=True)
class Answer:
    """A possible answer: its key in forms and the API, the words, and the component's points with it."""

    key: str
    label: str
    points: int


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about one missing fact. Its answers go from harmless to harmful."""

    fact: str
    factor: Factor
    text: str
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class _Asked:
    text: str
    values: tuple[tuple[str, str, object], ...]


def questions(facts: RiskFacts, weights: Weights = CURRENT) -> tuple[Question, ...]:
    """One question for each fact that nobody knows, in the order of the components."""
    return tuple(
        Question(name, factor, _ASKED[name].text, tuple(_answers(facts, name, factor, weights)))
        for factor, names in READS.items()
        for name in names
        if getattr(facts, name) is None
    )


def with_answer(facts: RiskFacts, fact: str, key: str) -> RiskFacts:
    """The facts with an answer that a person gave. What a system measured cannot be answered away.

    Raises:
        InvalidInputError: there is no such question, the fact is known, or the answer is none of the possible ones.
    """
    if fact not in _ASKED:
        raise InvalidInputError({"fact": [f"There is no such question. Allowed: {one_of(_ASKED)}."]})
    if getattr(facts, fact) is not None and fact not in facts.answered:
        raise InvalidInputError({"fact": ["This is known already, and was not answered by a person."]})
    possible = {name: value for name, _, value in _possible(facts, fact)}
    if key not in possible:
        raise InvalidInputError({"answer": [f"Choose one of the possible answers: {', '.join(possible)}."]})
    return replace(facts, answered=facts.answered | {fact}, **{fact: possible[key]})  # type: ignore[arg-type]


def _possible(facts: RiskFacts, name: str) -> tuple[tuple[str, str, object], ...]:
    """The answers to a question; none that says less than what is known of some devices."""
    values, least = _ASKED[name].values, facts.criticality_least
    if name != "criticality" or least is None:
        return values
    ranks = tuple(Criticality)
    return tuple(value for value in values if ranks.index(Criticality(value[0])) >= ranks.index(least))


def _answers(facts: RiskFacts, name: str, factor: Factor, weights: Weights) -> Iterable[Answer]:
    """The points are those with every other missing fact of the same component at its least."""
    others = {each: _ASKED[each].values[0][2] for each in READS[factor] if getattr(facts, each) is None}
    for key, label, value in _possible(facts, name):
        answered = replace(facts, **{**others, name: value})  # type: ignore[arg-type]  # values of these very facts
        points = next(each.points for each in assess(answered, weights).components if each.factor is factor)
        yield Answer(key, label, points)


def _numbers(*ranges: tuple[int, int | None]) -> tuple[tuple[str, str, object], ...]:
    """Answers that are ranges; each counts as its upper end, the last one as its lower end."""
    found: list[tuple[str, str, object]] = []
    for first, last in ranges:
        if last is None:
            found.append((f"{first}+", f"{first} or more", first))
        elif first == last:
            found.append((str(first), "None" if first == 0 else str(first), last))
        else:
            found.append((f"{first}-{last}", f"{first} to {last}", last))
    return tuple(found)


_HISTORIES: Final = (
    ("often", "More than 20 times, and never with a failure", History(21, 0)),
    ("some", "A few times, and never with a failure", History(3, 0)),
    ("never", "Never", History(0, 0)),
    ("failures", "With failures", History(1, 1)),
)
_ASKED: Final[Mapping[str, _Asked]] = {
    "devices": _Asked(
        "How many devices does the change write to?",
        _numbers((1, 1), (2, 5), (6, 20), (21, 100), (101, 500), (501, None)),
    ),
    "share_percent": _Asked(
        "Which share of the devices of one role at one site is changed, at most?",
        (
            ("10", "Up to a tenth", 10),
            ("25", "Up to a quarter", 25),
            ("50", "Up to a half", 50),
            ("99", "More than a half, but not all", 99),
            ("100", "All of them", 100),
        ),
    ),
    "alone": _Asked(
        "How many of the devices have no redundancy partner that stays as it is?",
        _numbers((0, 0), (1, 1), (2, 5), (6, 20), (21, None)),
    ),
    "criticality": _Asked(
        "How critical is the most important device?",
        (
            (Criticality.LOW.value, "Nobody would notice within a day", Criticality.LOW),
            (Criticality.NORMAL.value, "Some people would have to wait", Criticality.NORMAL),
            (Criticality.HIGH.value, "A site or a service would stand still", Criticality.HIGH),
            (Criticality.VITAL.value, "Several sites, or safety, depend on it", Criticality.VITAL),
        ),
    ),
    "timing": _Asked(
        "When is the change carried out?",
        (
            (Timing.MAINTENANCE_WINDOW.value, "In a maintenance window", Timing.MAINTENANCE_WINDOW),
            (Timing.OUT_OF_HOURS.value, "Outside business hours", Timing.OUT_OF_HOURS),
            (Timing.BUSINESS_HOURS.value, "In business hours", Timing.BUSINESS_HOURS),
        ),
    ),
    "warnings": _Asked(
        "What does a careful reader of the plan find?",
        (
            ("none", "Nothing to warn of", WarningCounts()),
            ("minor", "Something that should be known", WarningCounts(minor=1)),
            ("major", "Something that can interrupt a service", WarningCounts(major=1)),
            ("critical", "Something that can cut off devices or sites", WarningCounts(critical=1)),
        ),
    ),
    "template": _Asked("How often was a change made from this template?", _HISTORIES),
    "unprotected": _Asked(
        "How many of the devices do not take a change back by themselves when the session is lost?",
        _numbers((0, 0), (1, 1), (2, 5), (6, 20), (21, None)),
    ),
    "rollback": _Asked(
        "What is the way back?",
        (
            (Rollback.REHEARSED.value, "It was rehearsed", Rollback.REHEARSED),
            (Rollback.SNAPSHOT.value, "The configuration before is put back as a whole", Rollback.SNAPSHOT),
            (Rollback.COMPUTED.value, "Computed lines, which were not rehearsed", Rollback.COMPUTED),
            (Rollback.MANUAL.value, "A person does it by hand", Rollback.MANUAL),
            (Rollback.NONE.value, "There is none", Rollback.NONE),
        ),
    ),
    "requester": _Asked("How often did the requester make such a change?", _HISTORIES),
}


def askable(facts: RiskFacts, weights: Weights = CURRENT) -> tuple[Question, ...]:
    """The open questions and those that a person answered, who may answer otherwise."""
    unanswered = replace(facts, answered=frozenset(), **dict.fromkeys(facts.answered))
    return questions(unanswered, weights)
