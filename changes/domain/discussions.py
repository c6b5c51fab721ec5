"""Discussions: on which line somebody speaks, who is named, who may resolve a thread, and for whom it then waits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from changes.domain.labels import Labelled
from changes.domain.policy import GATE_ROLE_DENIED, GATE_SELF_APPROVAL, Denial, Person, Verdict
from changes.domain.roles import Role

MAX_MENTIONS: Final = 20
_NAME = re.compile(r"(?<![\w@.+/-])@([\w.@+-]{1,150})")
_ENDS: Final = ".@+-"

RESOLVERS: Final = frozenset(Role) - {Role.AUDITOR, Role.REQUESTER, Role.IMPLEMENTER, Role.ADMINISTRATOR}
"""Who may resolve a thread of somebody else: roles that judge changes."""


class LineSide(Labelled):
    """The configuration in which a line stands: as the device runs it, or as it is intended."""

    RUNNING = "running"
    INTENDED = "intended"


class WaitReason(Labelled):
    """Why a thread waits for somebody."""

    MENTIONED = "mentioned"
    AUTHOR = "author"
    """They wrote or edited the change."""
    OPENER = "opener"
    """They opened the thread, and somebody answered."""


class DiffLine(Protocol):
    """A line of a diff, as it is asked here."""

    @property
    def old_number(self) -> int | None:
        """Its number in the running configuration; None: it does not stand there."""

    @property
    def new_number(self) -> int | None:
        """Its number in the intended configuration; None: it does not stand there."""

    @property
    def text(self) -> str:
        """The whole line."""


Line = TypeVar("Line", bound=DiffLine)


@dataclass(frozen=True, slots=True)
class Anchor:
    """The line that a thread is about: its side, its text as the page shows it, its block's header, its number."""

    side: LineSide
    text: str
    section: str
    number: int


def line_number(line: DiffLine, side: LineSide) -> int | None:
    """The line's number on a side; None: it does not stand there."""
    return line.old_number if side is LineSide.RUNNING else line.new_number


def line_found(anchor: Anchor, lines: Sequence[tuple[str, Line]]) -> Line | None:
    """The line of a diff that an anchor means; ``lines`` come with their block's header. None: it is gone.

    The text has to be the same. Of several such lines one under the same header is taken, then the nearest one.
    """
    same = [(section, line) for section, line in lines if line.text == anchor.text and line_number(line, anchor.side)]
    if not same:
        return None
    return min(same, key=lambda found: (found[0] != anchor.section, abs(_at(found[1], anchor) - anchor.number)))[1]


def _at(line: DiffLine, anchor: Anchor) -> int:
    return line_number(line, anchor.side) or 0


def names_in(text: str) -> tuple[str, ...]:
    """The names that a text calls with ``@name``, each once, in its order; at most :data:`MAX_MENTIONS`.

    A name ends before the sentence's own full stop. Whether somebody has the name is asked elsewhere.
    """
    found = (match[1].rstrip(_ENDS) for match in _NAME.finditer(text))
    return tuple(dict.fromkeys(name for name in found if name))[:MAX_MENTIONS]


def parts_of(text: str, names: Sequence[str]) -> tuple[tuple[str, bool], ...]:
    """The text in pieces; True marks a mention of one of ``names``."""
    known = {name.casefold() for name in names}
    parts: list[tuple[str, bool]] = []
    at = 0
    for match in _NAME.finditer(text):
        name = match[1].rstrip(_ENDS)
        if name.casefold() in known:
            end = match.start() + 1 + len(name)
            parts += [(text[at : match.start()], False), (text[match.start() : end], True)]
            at = end
    return tuple(part for part in (*parts, (text[at:], False)) if part[0])


def may_discuss(person: Person) -> Verdict:
    """Open a thread, answer in one, or open one again: everybody with a role, but auditors only read."""
    return _verdict(_speaks(person, "take part in a discussion"))


def may_resolve(person: Person, *, opened_by: int, hands: frozenset[int]) -> Verdict:
    """Resolve a thread: who opened it, or somebody who judges changes and has no hand in this one.

    ``hands`` are the people who wrote or edited the change or its template. A policy may let unresolved threads block
    the approval, so who has a hand in a change does not resolve what others ask of it.
    """
    denial = _speaks(person, "resolve a thread")
    if denial is None and person.id != opened_by:
        denial = _resolves(person, hands)
    return _verdict(denial)


def waits_after(
    *, writer: int, opener: int, hands: frozenset[int], mentioned: Sequence[int], before: frozenset[int]
) -> dict[int, WaitReason]:
    """For whom a thread waits after somebody wrote in it; ``before``: who was mentioned and has not answered yet.

    Who writes has answered. The others: people who were mentioned, then the change's people or, where one of those
    wrote, who opened the thread.
    """
    waits: dict[int, WaitReason] = {}
    if writer in hands:
        waits[opener] = WaitReason.OPENER
    else:
        waits |= dict.fromkeys(hands, WaitReason.AUTHOR)
    waits |= dict.fromkeys((*before, *mentioned), WaitReason.MENTIONED)
    waits.pop(writer, None)
    return waits


def _speaks(person: Person, what: str) -> Denial | None:
    if Role.AUDITOR in person.roles:
        sentence = f"You hold the auditor role, and auditors only read: you cannot {what}. Ask a colleague."
        return Denial(GATE_ROLE_DENIED, sentence)
    if person.roles.isdisjoint(set(Role)):
        exempt = " Being a superuser does not replace the role." if person.is_superuser else ""
        return Denial(GATE_ROLE_DENIED, f"To {what} you need a role.{exempt} Ask an administrator for one.")
    return None


def _resolves(person: Person, hands: frozenset[int]) -> Denial | None:
    if person.id in hands:
        sentence = "You wrote or edited this change, so you cannot resolve what others ask of it. Answer, and ask them."
        return Denial(GATE_SELF_APPROVAL, sentence)
    if person.roles.isdisjoint(RESOLVERS):
        sentence = "Who opened a thread resolves it, or somebody who judges changes. Answer, and ask them."
        return Denial(GATE_ROLE_DENIED, sentence)
    return None


def _verdict(denial: Denial | None) -> Verdict:
    return Verdict(() if denial is None else (denial,))
