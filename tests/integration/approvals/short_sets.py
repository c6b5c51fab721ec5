"""Sets of people who cannot meet a quorum, told by counting alone: nothing of the product's rules is used here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Stages = Sequence[Mapping[str, Any]]
Roles = Mapping[str, frozenset[str]]


def stages_asked(document: Mapping[str, Any], kind: str) -> Stages:
    """What a document asks at least of a change of this type: the rules that hold whatever else is known."""
    asked: dict[str, int] = {}
    for rule in document["rules"]:
        when = rule["when"]
        types = when.get("change_type") if isinstance(when, dict) and set(when) == {"change_type"} else None
        if when == "always" or (types is not None and (kind in types or (kind == "standard" and "normal" in types))):
            for ask in rule.get("ask", []):
                asked[ask["stage"]] = max(asked.get(ask["stage"], 0), ask.get("quorum", 0))
    return [
        {**stage, "quorum": max(stage.get("quorum", 1), asked[stage["name"]])}
        for stage in document["stages"]
        if stage["name"] in asked
    ]


def can_approve(people: Roles, author: str, stages: Stages) -> bool:
    """Whether people other than the author could fill every seat of every stage, nobody two of them.

    Auditors fill none. It says yes too often rather than too rarely: who opened what, who edited, and what expires is
    left out, and a delegation uses up two people where one would do.
    """
    seats = [stage["groups"] for stage in stages for _ in range(stage["quorum"])]
    able = [roles for name, roles in people.items() if name != author and "auditor" not in roles]
    return _seated(seats, able, frozenset())


def _seated(seats: Sequence[Iterable[str]], able: Sequence[frozenset[str]], used: frozenset[int]) -> bool:
    if not seats:
        return True
    return any(
        _seated(seats[1:], able, used | {index})
        for index, roles in enumerate(able)
        if index not in used and not roles.isdisjoint(seats[0])
    )


def is_short(people: Roles, document: Mapping[str, Any], kinds: Iterable[str]) -> bool:
    """Whether these people cannot approve a change, whichever of them writes it and whatever its type."""
    authors = [name for name, roles in people.items() if "requester" in roles]
    asked = [stages_asked(document, kind) for kind in kinds]
    return not any(can_approve(people, author, stages) for author in authors for stages in asked)


def shortened(people: Roles, document: Mapping[str, Any], kinds: Iterable[str], order: Sequence[str]) -> Roles:
    """The people without those, taken away in this order, with whom they could approve a change."""
    left = dict(people)
    for name in order:
        if is_short(left, document, kinds):
            break
        del left[name]
    return left
