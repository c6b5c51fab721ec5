"""Discussions: lines that are found again, names that are called, who resolves, and for whom a thread waits."""

import pytest

from changes.domain.discussions import (
    Anchor,
    LineSide,
    WaitReason,
    line_found,
    may_discuss,
    may_resolve,
    names_in,
    parts_of,
    waits_after,
)
from changes.domain.policy import GATE_ROLE_DENIED, GATE_SELF_APPROVAL, Person, Role
from devices.domain.diffing import Row, Segment

AUTHOR, PEER, CAB = 1, 2, 3
HANDS = frozenset({AUTHOR})


def row(text: str, old: int | None, new: int | None) -> Row:
    kind = "context" if old and new else "add" if new else "del"
    return Row(kind, old, new, (Segment(text),))  # type: ignore[arg-type]


LINES = (
    ("interface Gi1", row(" shutdown", None, 10)),
    ("interface Gi2", row(" shutdown", None, 20)),
    ("interface Gi2", row(" mtu 9000", 19, None)),
    ("", row("!", 30, 31)),
)


@pytest.mark.parametrize(
    ("anchor", "number"),
    [
        (Anchor(LineSide.INTENDED, " shutdown", "interface Gi2", 10), 20),
        (Anchor(LineSide.INTENDED, " shutdown", "interface Gi9", 11), 10),
        (Anchor(LineSide.INTENDED, " shutdown", "interface Gi9", 19), 20),
        (Anchor(LineSide.RUNNING, "!", "", 1), 30),
        (Anchor(LineSide.INTENDED, "!", "", 1), 31),
    ],
)
def test_a_line_is_found_by_its_text_then_its_block_then_its_number(anchor: Anchor, number: int) -> None:
    found = line_found(anchor, LINES)

    assert found is not None
    assert number in (found.old_number, found.new_number)


@pytest.mark.parametrize(
    "anchor",
    [
        Anchor(LineSide.RUNNING, " shutdown", "interface Gi1", 10),
        Anchor(LineSide.INTENDED, " mtu 9000", "interface Gi2", 19),
        Anchor(LineSide.INTENDED, "shutdown", "interface Gi1", 10),
    ],
)
def test_a_line_on_the_other_side_or_with_another_text_is_gone(anchor: Anchor) -> None:
    assert line_found(anchor, LINES) is None


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("@ana, please look.", ("ana",)),
        ("Ask @ana.maria. Or @ana.maria?", ("ana.maria",)),
        ("mail to ana@example.net", ()),
        ("(@pete) and @olivia-2!", ("pete", "olivia-2")),
        ("@", ()),
        ("a/@b", ()),
        (" ".join(f"@p{n}" for n in range(30)), tuple(f"p{n}" for n in range(20))),
    ],
)
def test_names_are_called_by_an_at_sign_at_the_start_of_a_word(text: str, names: tuple[str, ...]) -> None:
    assert names_in(text) == names


def test_only_names_that_somebody_has_are_marked_and_no_letter_is_lost() -> None:
    text = "Hello @Ana. And @nobody <b>@ana</b>"

    parts = parts_of(text, ["ana"])

    assert "".join(part for part, _ in parts) == text
    assert [part for part, marked in parts if marked] == ["@Ana", "@ana"]


def person(pk: int, *roles: Role) -> Person:
    return Person(pk, f"p{pk}", frozenset(roles))


def test_auditors_and_people_without_a_role_only_read() -> None:
    assert may_discuss(person(9, Role.AUDITOR, Role.CAB)).codes == (GATE_ROLE_DENIED,)
    assert may_discuss(Person(9, "root", is_superuser=True)).codes == (GATE_ROLE_DENIED,)
    assert may_discuss(person(9, Role.IMPLEMENTER)).allowed


@pytest.mark.parametrize(
    ("who", "opened_by", "codes"),
    [
        (person(CAB, Role.CAB), PEER, ()),
        (person(AUTHOR, Role.REQUESTER, Role.CAB), PEER, (GATE_SELF_APPROVAL,)),
        (person(AUTHOR, Role.REQUESTER), AUTHOR, ()),
        (person(9, Role.IMPLEMENTER), PEER, (GATE_ROLE_DENIED,)),
        (person(PEER, Role.AUDITOR), PEER, (GATE_ROLE_DENIED,)),
    ],
)
def test_a_hand_in_the_change_resolves_only_what_it_opened(who: Person, opened_by: int, codes: tuple[str, ...]) -> None:
    assert may_resolve(who, opened_by=opened_by, hands=HANDS).codes == codes


def test_a_thread_waits_for_the_author_then_for_who_opened_it_and_for_whom_it_calls_until_they_answer() -> None:
    asked = waits_after(writer=PEER, opener=PEER, hands=HANDS, mentioned=[CAB], before=frozenset())
    assert asked == {AUTHOR: WaitReason.AUTHOR, CAB: WaitReason.MENTIONED}

    answered = waits_after(writer=AUTHOR, opener=PEER, hands=HANDS, mentioned=[], before=frozenset({CAB}))
    assert answered == {PEER: WaitReason.OPENER, CAB: WaitReason.MENTIONED}

    assert waits_after(writer=CAB, opener=PEER, hands=HANDS, mentioned=[], before=frozenset({CAB})) == {
        AUTHOR: WaitReason.AUTHOR
    }
