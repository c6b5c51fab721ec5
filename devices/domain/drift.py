"""What changed between two configurations, by place rather than by line number, and whether two changes meet.

A *path* is where a line stands: the headers of the blocks around it. The *section* that a change touches, for a
sentence, is the outermost block, or for a line outside any block its first two words. Whether two changes meet is
decided on finer places: `devices.domain.places`.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from devices.domain.config_text import normalise, parse, tidy
from devices.domain.config_tree import Node
from devices.domain.places import Place, lines_at, named_place, touched
from devices.domain.platforms import Platform

Path = tuple[str, ...]

_STEM = r"(?P<stem>\s*(?:\S+ )*?(?:secret|password|key|key-string|md5|server-key))"
_CLEAR_SECRET = re.compile(rf"{_STEM} (?:0 )?(?P<secret>\S+)$")
_CODED_SECRET = re.compile(rf"{_STEM} [4-9] (?P<secret>\S+)$")


class DriftKind(StrEnum):
    """How what a device has now compares with what a plan was made from."""

    SAME = "same"
    UNRELATED = "unrelated"
    OVERLAPPING = "overlapping"


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """One line that comes (``+``) or goes (``-``) at a path, or the order of a path's lines that changes (``~``).

    ``count`` tells equal lines at one path apart, from 1.
    """

    path: Path
    op: str
    line: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Drift:
    """What somebody else did since the baseline, by place, sorted.

    ``paths`` are the places that meet the plan's, or for unrelated drift all of them. ``done`` are those of the plan's
    places that already are as the plan wants them.
    """

    kind: DriftKind
    paths: tuple[Path, ...]
    done: tuple[Path, ...] = ()


def change_set(before: str, after: str, platform: Platform) -> frozenset[Change]:
    """Everything that differs, as a set that does not depend on what else the configurations hold."""
    old, new = _lines_by_path(before, platform), _lines_by_path(after, platform)
    changes: set[Change] = set()
    for path in old.keys() | new.keys():
        left, right = old.get(path, []), new.get(path, [])
        changes.update(_only_in(left, right, path, "-"))
        changes.update(_only_in(right, left, path, "+"))
        if _common(left, right) != _common(right, left):
            changes.add(Change(path, "~", "order"))
    return frozenset(changes)


def converged(expected: str, actual: str, platform: Platform) -> bool:
    """Whether a device has the configuration that was expected, given that it stores secrets in a coded form.

    Both are compared in normal form. Lines may differ only in a secret that was typed in clear text and is stored
    coded (types 4 to 9); whether it is the same secret cannot be known.
    """
    if expected == actual:
        return True
    lines, others = (normalise(text, platform).split("\n") for text in (expected, actual))
    return len(lines) == len(others) and all(
        line == other or _is_coded_form(line, other) for line, other in zip(lines, others, strict=True)
    )


def is_part(before: str, expected: str, actual: str, platform: Platform) -> bool:
    """Whether everything that differs from before was expected to; secrets may be stored coded, as in `converged`."""
    approved = change_set(before, expected, platform)
    typed: dict[tuple[Path, str], list[str]] = {}
    for change in approved:
        typed.setdefault((change.path, change.op), []).append(change.line)
    return all(
        any(_is_coded_form(line, change.line) for line in typed.get((change.path, change.op), ()))
        for change in change_set(before, actual, platform) - approved
    )


def _is_coded_form(typed: str, stored: str) -> bool:
    clear, coded = _CLEAR_SECRET.match(typed), _CODED_SECRET.match(stored)
    return clear is not None and coded is not None and clear["stem"] == coded["stem"]


def touched_sections(before: str, after: str, platform: Platform) -> frozenset[Path]:
    """The sections in which two configurations differ."""
    return frozenset(_section(change, platform) for change in change_set(before, after, platform))


def classify_drift(baseline: str, target: str, actual: str, platform: Platform) -> Drift:
    """Compare what a device has now with what a plan was made from and what it leads to.

    Overlapping: somebody changed a place that the plan changes too, or one above, below or taken along by it; also
    where both did the same, since the approved difference is then not what would be made.
    """
    if baseline == actual or normalise(baseline, platform) == normalise(actual, platform):
        return Drift(DriftKind.SAME, ())
    planned, moved = touched(baseline, target, platform), touched(baseline, actual, platform)
    if not moved.places:
        # The same lines in another order, on a platform whose orders are not known: it may mean anything.
        return Drift(DriftKind.OVERLAPPING, (("the order of the lines",),))
    meeting = moved.meeting(planned)
    if not meeting:
        return Drift(DriftKind.UNRELATED, _sorted(moved.places))
    wanted, found = lines_at(target, platform), lines_at(actual, platform)
    done = {place for place in planned.places & moved.places if wanted.get(place) == found.get(place)}
    return Drift(DriftKind.OVERLAPPING, _sorted(meeting), _sorted(done))


def other_effect(baseline: str, target: str, actual: str, new_target: str, platform: Platform) -> tuple[Path, ...]:
    """The sections in which a plan would do something else on the actual configuration than on its baseline, sorted.

    A line that changed nothing when the plan was made, such as ``no shutdown`` of a port that was up, has no place in
    the plan's difference, yet it would undo what somebody did since.
    """
    differing = change_set(baseline, target, platform) ^ change_set(actual, new_target, platform)
    return tuple(sorted({_section(change, platform) for change in differing}))


def _sorted(places: Iterable[Place]) -> tuple[Path, ...]:
    return tuple(sorted(named_place(place) for place in places))


def _section(change: Change, platform: Platform) -> Path:
    if change.path:
        return change.path[:1]
    words = platform.section_verb.sub("", change.line.split("\n")[0], count=1).split()
    words = words[1:] if words[:1] == ["no"] and len(words) > 1 else words
    return (" ".join(words[:2]),)


def _lines_by_path(text: str, platform: Platform) -> dict[Path, list[str]]:
    found: dict[Path, list[str]] = {}
    for path, line in _walk(tidy(parse(text, platform), platform.grammar), ()):
        found.setdefault(path, []).append(line)
    return found


def _walk(node: Node, path: Path) -> Iterator[tuple[Path, str]]:
    for child in node.children:
        # A block's header is a line of its own section, so that removing the block meets a change inside it.
        yield ((*path, child.text) if child.children and not path else path), child.identity
        yield from _walk(child, (*path, child.text))


def _only_in(lines: list[str], others: list[str], path: Path, op: str) -> Iterator[Change]:
    surplus = Counter(lines) - Counter(others)
    for line, count in surplus.items():
        for number in range(1, count + 1):
            yield Change(path, op, line, number)


def _common(lines: list[str], others: list[str]) -> list[str]:
    """The lines that both have, in the order of the first."""
    left = Counter(lines) & Counter(others)
    kept = []
    for line in lines:
        if left[line]:
            left[line] -= 1
            kept.append(line)
    return kept
