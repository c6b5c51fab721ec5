"""Lists whose order matters: named and numbered access lists, prefix lists.

Importing this module registers its hooks with `semantics`.
"""

from devices.lab.ios.errors import RefusedError
from devices.lab.ios.grammar import Match
from devices.lab.ios.semantics import Place, Remarks, hook
from devices.lab.ios.tree import Section


def _content(match: Match) -> tuple[str | None, tuple[str, ...]]:
    if match.tokens[0].isdigit():
        return match.tokens[0], match.tokens[1:]
    return None, match.tokens


@hook("ace")
def _ace(place: Place, match: Match, negated: bool) -> Remarks:
    """An entry without a number goes to the end, ten after the last.

    The same entry twice is one, but the same remark may stand at several places.
    """
    number, words = _content(match)
    entries = place.section.entries
    same = sorted((key for key, entry in entries.items() if entry.tokens[1:] == words), key=lambda key: int(key[0]))
    if negated:
        for key in same[:1] if number is None else [(number,)]:
            if key in same:
                place.section.drop(key)
        return []
    if same and words[0] != "remark":
        return []
    if number is None:
        number = str(max((int(key[0]) for key in entries), default=0) + 10)
    elif (number,) in entries:
        raise RefusedError("% Duplicate sequence number")
    place.section.put(match, key=(number,), tokens=(number, *words))
    return []


@hook("resequence")
def _resequence(place: Place, match: Match, _negated: bool) -> Remarks:
    name, first, step = match.tokens[3], int(match.tokens[4]), int(match.tokens[5])
    for kind in ("standard", "extended"):
        entry = place.root.find("ip", "access-list", kind, name)
        if entry is not None and entry.body is not None:
            _renumber(entry.body, first, step)
            return []
    raise RefusedError(f"% Access list {name} does not exist")


def _renumber(body: Section, first: int, step: int) -> None:
    entries = list(body.ordered())
    body.entries.clear()
    for index, entry in enumerate(entries):
        number = str(first + index * step)
        entry.key = (number,)
        entry.tokens = (number, *entry.tokens[1:])
        body.entries[entry.key] = entry


@hook("numbered_list")
def _numbered_list(place: Place, match: Match, negated: bool) -> Remarks:
    """Entries stand in the order of entry; negating one of them deletes the whole list, as IOS does."""
    if negated:
        place.section.drop_beginning(match.tokens[:2])
        return []
    if match.key not in place.section.entries:
        place.section.put(match)
    return []


@hook("prefix_list")
def _prefix_list(place: Place, match: Match, negated: bool) -> Remarks:
    head = match.tokens[:3]
    number, words = ("", match.tokens[3:])
    if words[0] == "seq":
        number, words = words[1], words[2:]
    lines = [e for e in place.section.beginning(*head) if e.tokens[3] == "seq"]
    same = [entry for entry in lines if entry.tokens[5:] == words]
    if negated:
        for entry in same:
            if number in ("", entry.tokens[4]):
                place.section.drop(entry.key)
        return []
    if same and number in ("", same[0].tokens[4]):
        return []
    if same:
        raise RefusedError(f"% Insertion failed - prefix-list entry exists:\n{' '.join(same[0].tokens[3:])}")
    number = number or str(max((int(entry.tokens[4]) for entry in lines), default=0) + 5)
    key = (*head, "seq", number)
    if key in place.section.entries:
        raise RefusedError(f"% Insertion failed - prefix-list entry exists:\n{' '.join(key[3:])}")
    place.section.put(match, key=key, tokens=(*key, *words))
    return []
