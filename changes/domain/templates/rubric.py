"""The readiness rubric: questions that say when a job should not be automated, and their answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from changes.domain.errors import InvalidInputError
from changes.domain.input import Findings, hidden_character, shown, unix_lines, unknown_names

MAX_QUESTIONS: Final = 20
MAX_QUESTION: Final = 300
MAX_ANSWER: Final = 2_000
_FIELDS: Final = frozenset({"question", "answer", "ready"})

USUAL_QUESTIONS: Final = (
    "Is it done the same way each time, so that variables are all that differs?",
    "Can a command's output prove that it worked, and that nothing else broke?",
    "Does the way back need no decision by a person?",
    "Is it needed often enough that the template is kept up to date?",
    "What would make an engineer stop half-way, and is that a check or a decision step here?",
)
"""What every template answers; more may be added."""


@dataclass(frozen=True, slots=True)
class RubricAnswer:
    """One question, what the authors answered, and whether the answer speaks for automation."""

    question: str
    answer: str = ""
    ready: bool = False

    def to_json(self) -> dict[str, str | bool]:
        """As it stands in the document."""
        return {"question": self.question, "answer": self.answer, "ready": self.ready}


def parse_rubric(value: object, *, where: str = "rubric") -> tuple[RubricAnswer, ...]:
    """Read ``[{question, answer, ready}]``; the usual questions that it lacks come first, without an answer.

    Raises:
        InvalidInputError: with sentences under names such as ``rubric[2].answer``.
    """
    if not isinstance(value, list | tuple):
        raise InvalidInputError({where: ['The rubric is a list of {"question", "answer", "ready"}.']})
    if len(value) > MAX_QUESTIONS:
        raise InvalidInputError({where: [f"{len(value)} questions are given; {MAX_QUESTIONS} are allowed."]})
    findings = Findings()
    given = [_answer(item, f"{where}[{at}]", findings) for at, item in enumerate(value)]
    asked = [found.question for found in given]
    for question in {question for question in asked if asked.count(question) > 1}:
        findings.add(where, f"“{shown(question)}” stands twice.")
    findings.check()
    by_question = {found.question: found for found in given}
    usual = [by_question.pop(question, RubricAnswer(question)) for question in USUAL_QUESTIONS]
    return (*usual, *by_question.values())


def _answer(item: object, where: str, findings: Findings) -> RubricAnswer:
    if not isinstance(item, Mapping):
        findings.add(where, 'Give {"question": "…", "answer": "…", "ready": true}.')
        return RubricAnswer("")
    for name, sentence in unknown_names(item, _FIELDS, "field").items():
        findings.add(f"{where}.{shown(name)}", sentence)
    question = _text(item.get("question", ""), MAX_QUESTION, f"{where}.question", findings)
    if not question:
        findings.add(f"{where}.question", "Write the question, or take the row out.")
    if not isinstance(item.get("ready", False), bool):
        findings.add(f"{where}.ready", "Give true or false: whether the answer speaks for automation.")
    answer = _text(item.get("answer", ""), MAX_ANSWER, f"{where}.answer", findings)
    return RubricAnswer(question, answer, ready=item.get("ready", False) is True)


def _text(value: object, limit: int, where: str, findings: Findings) -> str:
    text = unix_lines(value).strip() if isinstance(value, str) else ""
    if not isinstance(value, str):
        findings.add(where, "Give a text.")
    elif len(text) > limit:
        findings.add(where, f"This has {len(text):,} characters; {limit:,} are allowed.")
    elif hidden := hidden_character(text, allowed="\n\t"):
        findings.add(where, f"Here, {hidden}")
    return text
