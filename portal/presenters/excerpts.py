"""Where a template fails: the line, with its neighbours."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from changes.domain.input import unix_lines
from changes.rendering import ProblemKind, TemplateError
from portal.presenters.visible import visible

AROUND = 2
SHOWN = 10


@dataclass(frozen=True, slots=True)
class ExcerptLine:
    """One line of the content; ``marked`` is the one that fails."""

    number: int
    text: str
    marked: bool


@dataclass(frozen=True, slots=True)
class TemplateProblem:
    """What is wrong, and the lines around it; none where the line is not known or is not one of the content's."""

    sentence: str
    line: int | None
    lines: tuple[ExcerptLine, ...]


def template_problems(content: str, problems: Iterable[TemplateError]) -> tuple[TemplateProblem, ...]:
    """The first problems of a template, each with its lines. The content is its author's own, and is not masked."""
    lines = unix_lines(content).split("\n")
    return tuple(_problem(lines, problem) for problem in list(problems)[:SHOWN])


def _problem(lines: list[str], problem: TemplateError) -> TemplateProblem:
    at = problem.line if problem.kind is not ProblemKind.CHARACTER else None
    if at is None or not 1 <= at <= len(lines):
        return TemplateProblem(str(problem), None, ())
    first, last = max(1, at - AROUND), min(len(lines), at + AROUND)
    shown = (ExcerptLine(number, visible(lines[number - 1]), number == at) for number in range(first, last + 1))
    return TemplateProblem(str(problem), at, tuple(shown))
